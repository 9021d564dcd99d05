// A browser on a running code-server, told what to do by lines of JSON on standard input: {"do": NAME, "with": [...]}.
// Each is answered by a line {"result": ...} or {"error": ...}. Arguments: address, chromium, folder of playwright-core.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [address, executablePath, modules] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage({ viewport: { width: 1000, height: 620 } });
page.setDefaultTimeout(30_000);

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const texts = (selector) => page.$$eval(selector, (all) => all.map((each) => each.textContent.replaceAll('\u00a0', ' ')));
const labels = (selector) => page.$$eval(selector, (all) => all.map((each) => each.getAttribute('aria-label')));

const actions = {
  async start() {
    await page.goto(address);
    await page.waitForSelector('.monaco-workbench .statusbar-item', { timeout: 120_000 });
    // The workbench takes keys before all of it is there.
    await sleep(3000);
  },
  async keys(...keys) {
    for (const key of keys) {
      await page.keyboard.press(key);
      await sleep(80);
    }
  },
  async type(text) {
    for (const character of text) {
      await page.keyboard.type(character);
      await sleep(50);
    }
  },
  insert: (text) => page.keyboard.insertText(text),
  /** By its whole path, which needs no search through the workspace. */
  async open(path) {
    const name = path.split('/').at(-1);
    await page.keyboard.press('Control+p');
    await page.fill('.quick-input-widget .quick-input-filter input', path);
    await page.waitForSelector(`.quick-input-list .monaco-list-row.focused[aria-label^="${name}"]`);
    await page.keyboard.press('Enter');
    await page.waitForSelector(`.tab.active[data-resource-name="${name}"]`);
    await page.waitForSelector('.editor-instance .monaco-editor.focused');
    await sleep(300);
  },
  async palette(title) {
    await page.keyboard.press('F1');
    await page.waitForSelector('.quick-input-widget .quick-input-filter input');
    await page.keyboard.type(title);
    await page.waitForSelector(`.quick-input-list .monaco-list-row.focused[aria-label^="${title}"]`);
    await page.keyboard.press('Enter');
    await sleep(300);
  },
  popup: () => labels('.suggest-widget.visible .monaco-list-row'),
  picks: () => labels('.quick-input-widget:not([style*="display: none"]) .quick-input-list .monaco-list-row'),
  /** Undefined until a box is there; the palette's own begins with >. */
  input: () => page.$$eval('.quick-input-widget:not([style*="display: none"]) .quick-input-filter input', (all) => all[0]?.value),
  async ghost() {
    const parts = await texts('.ghost-text, .ghost-text-decoration, .ghost-text-decoration-preview');
    return parts.join('');
  },
  messages: () => texts('.notification-list-item-message'),
  buttons: () => texts('.notification-list-item .monaco-button'),
  /** What stands above a quick input: in the save dialog, its question. */
  question: async () => (await texts('.quick-input-widget:not([style*="display: none"]) .quick-input-title')).join(''),
  dialog: () => texts('.monaco-dialog-box .dialog-message-text, .monaco-dialog-box .dialog-message-detail'),
  status: async () => (await texts('.statusbar-item[id*="neocaret.status"]')).join(''),
  /** Says more than the text: whether its icon turns. */
  statusTurns: async () => (await page.$('.statusbar-item[id*="neocaret.status"] .codicon-modifier-spin')) !== null,
  clickStatus: () => page.click('.statusbar-item[id*="neocaret.status"] a'),
  clickDialog: (text) => page.click(`.monaco-dialog-box .monaco-button:has-text("${text}")`),
  clickButton: (text) => page.click(`.notification-list-item .monaco-button:has-text("${text}")`),
  tabs: () => page.$$eval('.tab.active', (all) => all.map((each) => each.getAttribute('data-resource-name'))),
  lines: () => page.$$eval('.editor-instance .view-lines .view-line', (all) =>
    all.map((each) => each.textContent.replaceAll('\u00a0', ' '))),
  log: () => texts('.part.panel .view-lines .view-line'),
  title: () => page.title(),
  screenshot: (path) => page.screenshot({ path }).then(() => null),
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await actions[asked.do](...asked.with)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
