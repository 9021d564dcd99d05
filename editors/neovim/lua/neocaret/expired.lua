--- Ghost text that was typed past. Neovim leaves it on the screen, wherever it stands, until the next answer.

local M = {}

local namespace = vim.api.nvim_create_namespace('nvim.lsp.inline_completion')

---@return vim.api.keyset.get_extmark_item?
local function shown()
  return vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true, limit = 1 })[1]
end

--- Say whether ghost text is on the screen.
---@return boolean
function M.is_shown()
  return shown() ~= nil
end

--- Say whether the ghost text goes on with what is about to be inserted.
---@param inserted string
---@return boolean
local function begins_with(inserted)
  local mark = shown()
  local chunk = mark and mark[4].virt_text and mark[4].virt_text[1]
  return chunk ~= nil and vim.startswith(chunk[1], inserted)
end

--- Hide in a buffer what no longer continues the text. Call it after Neovim's own ghost text is enabled there: of what
--- both do after a key, this must come last.
---@param buffer integer
function M.hide_in(buffer)
  local group = vim.api.nvim_create_augroup('neocaret.expired.' .. buffer, {})
  local expected ---@type [integer, integer]? Where the caret will be, if the ghost text goes on with what is typed.
  vim.api.nvim_create_autocmd('InsertCharPre', {
    group = group,
    buffer = buffer,
    callback = function()
      local row, column = unpack(vim.api.nvim_win_get_cursor(0))
      expected = begins_with(vim.v.char) and { row, column + #vim.v.char } or nil
    end,
  })
  vim.api.nvim_create_autocmd({ 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, {
    group = group,
    buffer = buffer,
    callback = function()
      if not vim.deep_equal(expected, vim.api.nvim_win_get_cursor(0)) then
        vim.api.nvim_buf_clear_namespace(buffer, namespace, 0, -1)
      end
    end,
  })
end

return M
