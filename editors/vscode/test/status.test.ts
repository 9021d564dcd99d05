import assert from 'node:assert/strict';
import { test } from 'node:test';
import { menuFor } from '../src/menuItems';
import { statusOf } from '../src/status/state';
import { shown } from '../src/status/text';
import { statusPage } from '../src/statusReport';

test('a status is read from whatever comes', () => {
  assert.deepEqual(statusOf(null), { state: 'ready' });
  assert.deepEqual(statusOf({ state: 'tomorrow', reason: 1, progress: {} }), { state: 'ready' });
  assert.deepEqual(statusOf({ state: 'loading', progress: { message: 'Loading', done: 1, total: null } }), {
    state: 'loading',
    progress: { message: 'Loading', done: 1, total: null },
  });
});

test('loading shows how far it is, where that is known', () => {
  const progress = { message: 'Loading', done: 25, total: 100 };
  assert.match(shown({ state: 'loading', progress }, 0).text, /loading 25 %$/);
  assert.match(shown({ state: 'loading', progress: { ...progress, total: null } }, 0).text, /loading$/);
});

test('a question that waits is seen', () => {
  assert.match(shown({ state: 'ready' }, 1).text, /spin/);
  assert.match(shown({ state: 'ready' }, 1).tooltip, /thinking\.$/);
  assert.doesNotMatch(shown({ state: 'ready' }, 0).text, /spin/);
});

test('a silence is shown with its reason, and passing ones are not', () => {
  const quiet = { state: 'ready', reason: 'middle-of-line', reasonText: 'The line goes on.' } as const;
  assert.match(shown(quiet, 0).text, /middle of line$/);
  assert.match(shown(quiet, 0).tooltip, /The line goes on\.$/);
  assert.doesNotMatch(shown({ ...quiet, reason: 'superseded' }, 0).text, /superseded/);
});

test('what the user has to do something about warns', () => {
  assert.ok(shown({ state: 'missing' }, 0).warns);
  assert.ok(shown({ state: 'failed' }, 0).warns);
  assert.ok(!shown({ state: 'paused' }, 0).warns);
});

test('the menu offers what the state allows', () => {
  const commands = (state: Parameters<typeof menuFor>[0]): string[] => menuFor(state).map(({ command }) => command);
  assert.equal(commands('missing')[0], 'neocaret.install');
  assert.equal(commands('paused')[0], 'neocaret.resumeSuggestions');
  assert.ok(commands('ready').includes('neocaret.pauseSuggestions'));
  assert.ok(!commands('ready').includes('neocaret.resumeSuggestions'));
});

test('the status page leaves out what is not known', () => {
  const page = statusPage({ state: 'ready', folder: null, statistics: { shown: 2 }, model: 'bundled' });
  assert.equal(page, "Neocaret's server\n\nstate: ready\nstatistics.shown: 2\nmodel: bundled\n");
});
