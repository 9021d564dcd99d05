--- Text of the server's in a buffer of its own.

local M = {}

---@class neocaret.Scratch
---@field name string
---@field text string
---@field filetype? string
---@field readonly? boolean

--- Show text in a window beside this one.
---@param scratch neocaret.Scratch
---@return integer buffer
function M.show(scratch)
  local buffer = vim.api.nvim_create_buf(true, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(scratch.text:gsub('\r\n', '\n'), '\n'))
  vim.api.nvim_open_win(buffer, true, { split = 'right' })
  pcall(vim.api.nvim_buf_set_name, buffer, ('neocaret://%d/%s'):format(buffer, scratch.name))
  vim.bo[buffer].bufhidden = 'wipe'
  vim.bo[buffer].filetype = scratch.filetype or ''
  vim.bo[buffer].modifiable = not scratch.readonly
  vim.bo[buffer].modified = false
  return buffer
end

return M
