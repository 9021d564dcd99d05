--- `:checkhealth neocaret`.

local M = {}

---@param command string[]
local function check_answer(command)
  local asked = vim.list_extend(vim.list_slice(command, 1, 1), { '--version' })
  local result = vim.system(asked, { text = true, timeout = 20000 }):wait()
  if result.code == 0 then
    vim.health.ok(vim.trim(result.stdout))
  else
    vim.health.error(('%s ended with %d'):format(table.concat(asked, ' '), result.code), vim.trim(result.stderr or ''))
  end
end

local function check_server()
  vim.health.start('neocaret: the server')
  local process = require('neocaret.process')
  local command, how = process.find()
  if not command then
    vim.health.error(how, { process.INSTALL, "require('neocaret').setup({ command = { '/path/to/neocaret' } })" })
    return
  end
  vim.health.ok(('%s, from %s'):format(table.concat(command, ' '), how))
  check_answer(command)
  if vim.lsp.is_enabled and not vim.lsp.is_enabled('neocaret') then
    vim.health.warn('not enabled', "vim.lsp.enable('neocaret')")
  end
  local running = #vim.lsp.get_clients({ name = 'neocaret' })
  vim.health.info(running > 0 and ('%d running'):format(running) or 'not running: open a Python file')
end

local function check_editor()
  vim.health.start('neocaret: this Neovim')
  if vim.fn.has('nvim-0.11') == 0 then
    vim.health.error('Neovim 0.11 or later is needed')
  elseif require('neocaret.ghost').available() then
    vim.health.ok('ghost text, and the popup')
  else
    vim.health.info('the popup; ghost text comes with Neovim 0.12')
  end
  local good, problem = pcall(require('neocaret.options').read, vim.g.neocaret)
  if not good then
    vim.health.error('vim.g.neocaret: ' .. tostring(problem))
  end
end

function M.check()
  check_editor()
  check_server()
end

return M
