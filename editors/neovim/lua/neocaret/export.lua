--- `:Neocaret export`: a continuation into a file.

local candidates = require('neocaret.candidates')
local server = require('neocaret.server')

local M = {}

M.DEFAULT_PATH = 'gpt_text.txt'

---@class neocaret.Export
---@field path string
---@field prompt boolean with the text before the caret
---@field overwrite boolean

---@param asked neocaret.Export
---@param candidate neocaret.Candidate
---@return table
local function argument_of(asked, candidate)
  return {
    -- Relative to where the user is, as every path that is typed here.
    path = vim.fn.fnamemodify(vim.fs.normalize(asked.path), ':p'),
    completionId = candidate.id,
    includePrompt = asked.prompt,
    overwrite = asked.overwrite,
    -- Whoever types a path has pointed there.
    outsideWorkspace = true,
  }
end

---@param asked neocaret.Export
---@param candidate neocaret.Candidate
local function write(asked, candidate)
  local argument = argument_of(asked, candidate)
  server.execute('exportCompletion', argument, function(result)
    server.say(('%d bytes written to %s'):format(result.bytes, result.path))
  end, function(message)
    if asked.overwrite or not message:find('exists', 1, true) then
      return false
    end
    vim.ui.select({ 'Overwrite it', 'Leave it' }, { prompt = message }, function(_, chosen)
      if chosen == 1 then
        write(vim.tbl_extend('force', asked, { overwrite = true }), candidate)
      end
    end)
    return true
  end)
end

--- Choose a candidate where there are several, and write it.
---@param asked neocaret.Export
function M.run(asked)
  candidates.get(function(offered)
    if #offered == 1 then
      write(asked, offered[1])
      return
    end
    vim.ui.select(offered, {
      prompt = 'Export which?',
      format_item = function(candidate)
        return candidates.label(candidate.text)
      end,
    }, function(candidate)
      if candidate then
        write(asked, candidate)
      end
    end)
  end)
end

return M
