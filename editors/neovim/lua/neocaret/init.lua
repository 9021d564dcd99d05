--- Code completion at the caret: suggestions of a language model that runs on your own machine.

local M = {}

--- Choose options; calling this is not needed where the defaults do.
---@param given neocaret.Options? a part of them
function M.setup(given)
  require('neocaret.options').set(given)
  vim.lsp.enable('neocaret')
end

--- Return a few words on what the server does, for the status line.
---@return string
function M.statusline()
  return require('neocaret.status').line()
end

return M
