-- luacheck runs over the plugin's Lua; Neovim's own Lua is LuaJIT.
std = 'luajit'
max_line_length = 120
globals = { 'vim' }
