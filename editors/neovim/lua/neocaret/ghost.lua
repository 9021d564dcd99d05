--- Ghost text: taken whole, by word, by line; cycled; hidden. Neovim 0.12 shows it.

local expired = require('neocaret.expired')

local M = {}

---@return boolean
function M.available()
  return vim.lsp.inline_completion ~= nil
end

--- Return the beginning of a continuation up to the end of its first word, the white space before it included.
---@param text string
---@return string
function M.first_word(text)
  return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%w%s_\128-\255]+') or text
end

--- Return the beginning of a continuation up to the end of its first line that says something.
---@param text string
---@return string
function M.first_line(text)
  return text:match('^%s*[^\n]+') or text
end

--- Return what of an item's text stands before the caret already, and have the item replace all of that: Neovim's range
--- is that of the question, and ends before what was typed since.
---@param item vim.lsp.inline_completion.Item
---@return string? typed nil where something else was typed
local function up_to_caret(item)
  if not item.range then
    return ''
  end
  local start_row, start_column = item.range:to_extmark()
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  if row - 1 ~= start_row or column < start_column then
    return nil
  end
  local typed = vim.api.nvim_buf_get_text(0, start_row, start_column, start_row, column, {})[1]
  if
    not vim.startswith(item.insert_text --[[@as string]], typed)
  then
    return nil
  end
  local start, stop = { line = start_row, character = start_column }, { line = start_row, character = column }
  item.range = vim.range.lsp(vim.api.nvim_get_current_buf(), { start = start, ['end'] = stop }, 'utf-8')
  return typed
end

--- Take a part of the ghost text, of a snippet all; the server is told how much.
---@param part fun(text: string): string
---@return boolean taken false where no ghost text is shown
local function accept_part(part)
  if not expired.is_shown() then
    return false
  end
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      if type(item.insert_text) ~= 'string' then
        return item -- another server's snippet, which has no parts
      end
      local typed = up_to_caret(item)
      if not typed then
        return nil
      end
      local added = item.insert_text:sub(#typed + 1)
      local taken = part(added)
      if taken ~= added then
        local client = vim.lsp.get_client_by_id(item.client_id)
        if client and item.command then
          client:notify('textDocument/didPartiallyAcceptCompletion', {
            item = { insertText = item.insert_text, command = item.command },
            acceptedLength = vim.str_utfindex(typed .. taken, 'utf-16'),
          })
        end
        item.command = nil
      end
      item.insert_text = typed .. taken
      return item
    end,
  })
end

---@return boolean
function M.accept()
  return accept_part(function(text)
    return text
  end)
end

---@return boolean
function M.accept_word()
  return accept_part(M.first_word)
end

---@return boolean
function M.accept_line()
  return accept_part(M.first_line)
end

---@param count integer
---@return boolean
local function cycle(count)
  if not expired.is_shown() then
    return false
  end
  vim.lsp.inline_completion.select({ count = count })
  return true
end

---@return boolean
function M.next()
  return cycle(1)
end

---@return boolean
function M.previous()
  return cycle(-1)
end

--- Hide it until the next key.
---@return boolean
function M.dismiss()
  if not expired.is_shown() then
    return false
  end
  vim.lsp.inline_completion.get({
    on_accept = function()
      return nil
    end,
  })
  return true
end

local DOES = {
  accept = { M.accept, 'Neocaret: take the suggestion' },
  accept_word = { M.accept_word, 'Neocaret: take its next word' },
  accept_line = { M.accept_line, 'Neocaret: take its next line' },
  next = { M.next, 'Neocaret: the next suggestion' },
  previous = { M.previous, 'Neocaret: the suggestion before' },
  dismiss = { M.dismiss, 'Neocaret: hide the suggestion' },
}

--- Map the keys in a buffer, but for those that the user has mapped there. Without ghost text each does what it did.
---@param buffer integer
---@param keys neocaret.Keys
function M.map_keys(buffer, keys)
  for name, does in pairs(DOES) do
    local key = keys[name]
    local mapped = key and vim.fn.maparg(key, 'i', false, true) or {}
    if key and (vim.tbl_isempty(mapped) or mapped.desc == does[2]) then
      vim.keymap.set('i', key, function()
        return does[1]() and '' or key
      end, { buffer = buffer, expr = true, replace_keycodes = true, desc = does[2] })
    end
  end
end

return M
