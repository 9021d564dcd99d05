--- What a buffer gets when the server is attached to it.

local expired = require('neocaret.expired')
local ghost = require('neocaret.ghost')
local options = require('neocaret.options')

local M = {}

--- Say whether the builtin popup completes as the user types.
---@return boolean
local function wants_popup()
  local popup = options.get().popup
  if popup ~= 'auto' then
    return popup == true
  end
  local another = package.loaded['cmp'] ~= nil or package.loaded['blink.cmp'] ~= nil
  return not another and not (ghost.available() and options.get().ghost_text)
end

--- The first item of the popup must not be typed into the buffer by itself.
---@param buffer integer
local function select_nothing(buffer)
  local chosen = vim.bo[buffer].completeopt ~= '' and vim.bo[buffer].completeopt or vim.o.completeopt
  local flags = vim.split(chosen, ',', { trimempty = true })
  for _, flag in ipairs({ 'menuone', 'noselect' }) do
    if not vim.list_contains(flags, flag) then
      table.insert(flags, flag)
    end
  end
  vim.bo[buffer].completeopt = table.concat(flags, ',')
end

---@param client vim.lsp.Client
---@param buffer integer
function M.attach(client, buffer)
  if options.get().ghost_text and ghost.available() then
    vim.lsp.inline_completion.enable(true, { bufnr = buffer })
    expired.hide_in(buffer)
    ghost.map_keys(buffer, options.get().keys)
  end
  if wants_popup() then
    select_nothing(buffer)
    vim.lsp.completion.enable(true, client.id, buffer, { autotrigger = true })
  end
end

return M
