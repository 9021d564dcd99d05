--- `:Neocaret candidates`: what was offered last, all of it, to look at and to choose from.

local scratch = require('neocaret.scratch')
local server = require('neocaret.server')

local M = {}

---@class neocaret.Candidate
---@field id string
---@field text string

--- Write them below each other, each under a line that numbers it.
---@param candidates neocaret.Candidate[]
---@return string
function M.page(candidates)
  local parts = {}
  for number, candidate in ipairs(candidates) do
    table.insert(parts, ('==> %d of %d <==\n%s\n'):format(number, #candidates, candidate.text))
  end
  return table.concat(parts, '\n')
end

--- Return the first line that says something.
---@param text string
---@return string
function M.label(text)
  local first = vim.trim(text):match('^[^\n]*')
  local further = vim.trim(text):find('\n') and ' ⏎' or ''
  return first .. further
end

--- Ask for what was offered last.
---@param use fun(candidates: neocaret.Candidate[])
function M.get(use)
  server.execute('candidates', {}, function(result)
    if #result.candidates == 0 then
      server.say('nothing has been offered yet')
    else
      use(result.candidates)
    end
  end)
end

function M.show()
  local filetype = vim.bo.filetype
  M.get(function(candidates)
    scratch.show({ name = 'candidates', text = M.page(candidates), filetype = filetype, readonly = true })
  end)
end

return M
