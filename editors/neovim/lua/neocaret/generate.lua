--- `:Neocaret generate`: any text continued, in a buffer of its own.

local scratch = require('neocaret.scratch')
local server = require('neocaret.server')

local M = {}

---@class neocaret.Length
---@field tokens integer
---@field temperature number

--- As they were chosen last.
---@type neocaret.Length
local last = { tokens = 128, temperature = 0.7 }

--- Read a number in a range; nil where it is none.
---@param text string
---@param least number
---@param most number
---@return number?
function M.number(text, least, most)
  local number = tonumber(text)
  return number and number >= least and number <= most and number or nil
end

--- Ask for a number until it fits; nothing happens where the user gives up.
---@param prompt string
---@param default number
---@param least number
---@param most number
---@param use fun(number: number)
local function ask(prompt, default, least, most, use)
  vim.ui.input({ prompt = prompt, default = tostring(default) }, function(text)
    if not text then
      return
    end
    local number = M.number(text, least, most)
    if number then
      use(number)
    else
      server.say(('"%s" is no number from %s to %s'):format(text, least, most), vim.log.levels.WARN)
      ask(prompt, default, least, most, use)
    end
  end)
end

---@param prompt string
---@param filetype string
local function generate(prompt, filetype)
  local argument = {
    prompt = prompt,
    maxNewTokens = math.floor(last.tokens),
    temperature = last.temperature,
    candidates = 1,
  }
  M.cancel = server.execute('generate', argument, function(result)
    M.cancel = nil
    scratch.show({ name = 'generated', text = result.candidates[1].generated_text, filetype = filetype })
  end)
  if M.cancel then
    server.say(':Neocaret stop gives up; generating...')
  end
end

--- Ends the generation that runs; nil where none does.
---@type fun()?
M.cancel = nil

--- Continue a prompt, after the length and the temperature have been asked for.
---@param prompt string
function M.run(prompt)
  local filetype = vim.bo.filetype
  ask('Tokens: ', last.tokens, 1, 2048, function(tokens)
    ask('Temperature: ', last.temperature, 0, 2, function(temperature)
      last = { tokens = tokens, temperature = temperature }
      generate(prompt, filetype)
    end)
  end)
end

return M
