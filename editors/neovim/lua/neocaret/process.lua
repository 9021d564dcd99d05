--- Finds the server and starts it.

local options = require('neocaret.options')

local M = {}

M.INSTALL = 'pip install neocaret'

--- What a workspace can bring must not reach the server's Python.
local ENVIRONMENT = { PYTHONPATH = '', PYTHONSAFEPATH = '1' }

---@param folder string?
---@return string?
local function script_in(folder)
  if not folder or folder == '' then
    return nil
  end
  local windows = vim.fn.has('win32') == 1
  local script = vim.fs.joinpath(folder, windows and 'Scripts' or 'bin', windows and 'neocaret.exe' or 'neocaret')
  return vim.fn.executable(script) == 1 and script or nil
end

--- Return the command that starts the server: the option, the active virtual environment, or the search path.
---@return string[]? command nil where there is none
---@return string how where it was found, or what to do about it
function M.find()
  local command = options.get().command
  if command then
    if vim.fn.executable(command[1]) == 1 then
      return command, 'the option `command`'
    end
    return nil, ('The option `command` names %s, which cannot be run.'):format(command[1])
  end
  for _, variable in ipairs({ 'VIRTUAL_ENV', 'CONDA_PREFIX' }) do
    local script = script_in(vim.env[variable])
    if script then
      return { script }, '$' .. variable
    end
  end
  if vim.fn.executable('neocaret') == 1 then
    return { vim.fn.exepath('neocaret') }, '$PATH'
  end
  return nil,
    ('There is no `neocaret` on $PATH. Install it with `%s`, or name it in the option `command`.'):format(M.INSTALL)
end

--- Go on where there is a server; else tell the user once what to do, whatever is opened.
---@param go_on fun()
function M.if_found(go_on)
  local command, how = M.find()
  if command then
    go_on()
  else
    vim.notify_once('neocaret: ' .. how, vim.log.levels.WARN)
  end
end

--- Start the server; for `cmd` of an LSP configuration.
---@param dispatchers vim.lsp.rpc.Dispatchers
---@param config vim.lsp.ClientConfig
---@return vim.lsp.rpc.PublicClient
function M.start(dispatchers, config)
  local command, how = M.find()
  if not command then
    error('neocaret: ' .. how, 0)
  end
  return vim.lsp.rpc.start(command, dispatchers, { cwd = config.root_dir, env = ENVIRONMENT })
end

--- End the server, if it runs, and start it for the buffers that it is for.
function M.restart()
  for _, client in ipairs(vim.lsp.get_clients({ name = 'neocaret' })) do
    client:stop()
  end
  vim.lsp.enable('neocaret', false)
  vim.wait(2000, function()
    return #vim.lsp.get_clients({ name = 'neocaret' }) == 0
  end, 20)
  vim.lsp.enable('neocaret')
end

return M
