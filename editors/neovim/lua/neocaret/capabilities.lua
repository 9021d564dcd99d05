--- What this Neovim claims towards the server, and cannot do: not each package of Neovim brings all parsers.

local M = {}

--- Have the popup's texts come plain where Markdown would end in an error: Neovim has a parser draw it.
---@param capabilities lsp.ClientCapabilities
function M.reduce(capabilities)
  local item = vim.tbl_get(capabilities, 'textDocument', 'completion', 'completionItem')
  if item and not vim.treesitter.language.add('markdown') then
    item.documentationFormat = { 'plaintext' }
  end
end

return M
