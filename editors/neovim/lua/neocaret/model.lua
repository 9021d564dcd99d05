--- `:Neocaret model`: another model for the running server.

local server = require('neocaret.server')
local settings = require('neocaret.settings')

local M = {}

local UNITS = { 'B', 'kB', 'MB', 'GB' }

--- Write a size with three digits.
---@param bytes number
---@return string
function M.size(bytes)
  local unit = 1
  while bytes >= 999.5 and unit < #UNITS do
    bytes, unit = bytes / 1000, unit + 1
  end
  return ('%.3g %s'):format(bytes, UNITS[unit])
end

---@param model { name: string, bytes: number, here: boolean }
---@return string
function M.label(model)
  local where = model.here and 'here' or 'will be downloaded'
  return ('%s (%s, %s)'):format(model.name, M.size(model.bytes), where)
end

--- Use a model until the server ends; the user's configuration is left as it is.
---@param name string
function M.use(name)
  local client = server.client()
  if client then
    settings.change(client, 'model', name)
    server.say(('loading %s; to keep it, put settings = { model = %q } into the options'):format(name, name))
  end
end

---@param name string? asked for where it is not given
function M.run(name)
  if name then
    M.use(name)
    return
  end
  server.execute('models', {}, function(result)
    vim.ui.select(result.models, { prompt = 'Which model?', format_item = M.label }, function(model)
      if model then
        M.use(model.name)
      end
    end)
  end)
end

return M
