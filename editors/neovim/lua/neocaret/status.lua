--- What the server last said of itself, by client.

local M = {}

---@class neocaret.Status
---@field state string "starting", "loading", "ready", "paused" or "failed"
---@field reason? string Why the last question got no suggestion: a code such as "middle-of-line".
---@field reasonText? string The same in a sentence.
---@field progress? { message: string, done: integer, total?: integer }

---@type table<integer, neocaret.Status>
local by_client = {}

---@param client_id integer
---@param status neocaret.Status
function M.changed(client_id, status)
  by_client[client_id] = status
  vim.cmd.redrawstatus()
end

---@param progress { done: integer, total?: integer }?
---@return string
local function per_cent(progress)
  -- A null of JSON is no nil.
  if type(progress) ~= 'table' or type(progress.total) ~= 'number' or progress.total == 0 then
    return ''
  end
  -- Doubled, since a status line reads a single one as an item of its own.
  return (' %d %%%%'):format(100 * progress.done / progress.total)
end

--- Return a few words for the status line, written as one; nothing where the buffer has no server.
---@param buffer integer?
---@return string
function M.line(buffer)
  local client = vim.lsp.get_clients({ name = 'neocaret', bufnr = buffer or 0 })[1]
  if not client then
    return ''
  end
  local status = by_client[client.id]
  if not status then
    return 'neocaret'
  end
  if status.state == 'loading' then
    return 'neocaret: loading' .. per_cent(status.progress)
  end
  local reason = type(status.reason) == 'string' and status.reason or nil
  if status.state ~= 'ready' then
    return 'neocaret: ' .. status.state
  end
  return reason and ('neocaret: ' .. reason) or 'neocaret'
end

return M
