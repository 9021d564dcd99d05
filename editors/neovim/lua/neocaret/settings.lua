--- The server's settings: from the plugin's options to the server, and changed while it runs.

local options = require('neocaret.options')

local M = {}

--- Put the settings where the server looks for them; what `vim.lsp.config` says goes before the options.
---@param params lsp.InitializeParams
---@param config vim.lsp.ClientConfig
function M.apply(params, config)
  local given = vim.tbl_get(config, 'settings', 'neocaret') or {}
  local settings = vim.tbl_extend('force', options.get().settings, given)
  config.settings = vim.tbl_extend('force', config.settings or {}, { neocaret = settings })
  params.initializationOptions = vim.tbl_extend('force', params.initializationOptions or {}, { neocaret = settings })
end

--- Change one setting of a running server, until it ends.
---@param client vim.lsp.Client
---@param name string
---@param value any
function M.change(client, name, value)
  local settings = vim.tbl_extend('force', client.settings.neocaret or {}, { [name] = value })
  client.settings = vim.tbl_extend('force', client.settings, { neocaret = settings })
  client:notify('workspace/didChangeConfiguration', { settings = client.settings })
end

return M
