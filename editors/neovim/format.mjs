// Formats the plugin's Lua with stylua, or with --check says which files are not formatted.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Config, IndentType, OutputVerification, QuoteStyle, formatCode } from '@johnnymorganz/stylua';

const folder = dirname(fileURLToPath(import.meta.url));
const files = ['lsp', 'plugin', 'lua']
    .flatMap((name) => readdirSync(join(folder, name), { recursive: true }).map((file) => join(folder, name, file)))
    .filter((file) => file.endsWith('.lua'));

function configuration() {
    const config = Config.new();
    config.column_width = 120;
    config.indent_type = IndentType.Spaces;
    config.indent_width = 2;
    config.quote_style = QuoteStyle.AutoPreferSingle;
    return config;
}

const changed = files.filter((file) => {
    const text = readFileSync(file, 'utf8');
    const formatted = formatCode(text, configuration(), undefined, OutputVerification.Full);
    if (formatted === text) {
        return false;
    }
    if (!process.argv.includes('--check')) {
        writeFileSync(file, formatted);
    }
    return true;
});

for (const file of changed) {
    console.log(process.argv.includes('--check') ? `${file} is not formatted` : `${file} formatted`);
}
process.exitCode = process.argv.includes('--check') && changed.length > 0 ? 1 : 0;
