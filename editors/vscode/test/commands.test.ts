import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportCalls, label, page } from '../src/candidateText';
import { forServer } from '../src/clientSettings';
import { about, size } from '../src/modelText';
import { LENGTH, numberIn, problemWith, TEMPERATURE } from '../src/numbers';

const CANDIDATES = [
  { id: 'a:1', text: 'one' },
  { id: 'a:2', text: 'two' },
];

test('a label is the text in one line, shortened', () => {
  assert.equal(label('\n    a = 1\r\n\n    b'), 'a = 1 ⏎ b');
  assert.equal(label('a'.repeat(81)), `${'a'.repeat(79)}…`);
  assert.equal(label('pass'), 'pass');
});

test('a page numbers the candidates', () => {
  assert.equal(page(['a', 'b\n  c']), '==> 1 of 2 <==\na\n\n==> 2 of 2 <==\nb\n  c\n');
});

test('one candidate is exported by one call', () => {
  assert.deepEqual(exportCalls('file:///x', CANDIDATES.slice(0, 1), true), [
    { uri: 'file:///x', completionId: 'a:1', includePrompt: true, overwrite: true, outsideWorkspace: true },
  ]);
});

test('of several the first call writes anew, and the others append', () => {
  const calls = exportCalls('file:///x', CANDIDATES, false);
  assert.deepEqual(calls.map(({ overwrite, append }) => [overwrite, append]), [
    [true, undefined],
    [undefined, true],
    [undefined, true],
    [undefined, true],
  ]);
  assert.deepEqual(calls.map(({ text, completionId }) => text ?? completionId), [
    '==> 1 of 2 <==\n',
    'a:1',
    '\n\n==> 2 of 2 <==\n',
    'a:2',
  ]);
});

test('the server sees none of the extension\'s own settings', () => {
  assert.deepEqual(forServer({ server: { path: '/x' }, trace: {}, candidates: 3 }), { candidates: 3 });
  assert.equal(forServer(null), null);
});

test('sizes have three digits at most', () => {
  assert.equal(size(526_000_000), '526 MB');
  assert.equal(size(5_312_000_000), '5.31 GB');
  assert.equal(size(999_600), '1 MB');
  assert.equal(size(12), '12 B');
});

test('a model says whether it is here, and in use', () => {
  const model = { name: 'bundled', bytes: 14e6, licence: 'MIT', here: true };
  assert.equal(about(model, 'bundled'), '14 MB, here, MIT, in use');
  assert.equal(about({ ...model, here: false }, undefined), '14 MB, will be downloaded, MIT');
});

test('numbers are taken in their range only', () => {
  assert.equal(numberIn(LENGTH, ' 64 '), 64);
  assert.equal(numberIn(LENGTH, '1.5'), undefined);
  assert.equal(numberIn(LENGTH, '0'), undefined);
  assert.equal(numberIn(TEMPERATURE, '0,9'), 0.9);
  assert.equal(numberIn(TEMPERATURE, ''), undefined);
  assert.equal(numberIn(TEMPERATURE, 'hot'), undefined);
  assert.equal(problemWith(TEMPERATURE, '1'), undefined);
  assert.match(problemWith(LENGTH, '4096') ?? '', /whole number from 1 to 2048/);
});
