import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Crashes } from '../src/server/crashes';
import { discover, WrongPathError } from '../src/server/discovery';
import type { Place } from '../src/server/discovery';
import { fileNames, findIn, isExecutable, programsOf, searchPath } from '../src/server/executables';
import { doing, failure, installSteps, installWarning, isNewEnough } from '../src/server/installPlan';
import { launchOf, serverEnvironment } from '../src/server/launch';

const yes = (): Promise<boolean> => Promise.resolve(true);
const no = (): Promise<boolean> => Promise.resolve(false);

function place(name: string, path?: string): Place {
  return { name, find: () => Promise.resolve(path) };
}

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neocaret-'));
  await writeFile(join(folder, 'neocaret'), '');
  await writeFile(join(folder, 'plain'), '');
  await chmod(join(folder, 'neocaret'), 0o755);
});
after(() => rm(folder, { recursive: true }));

test('the setting goes before every place', async () => {
  const found = await discover('/a/neocaret', yes, [place('PATH', '/b/neocaret')]);
  assert.equal(found?.command, '/a/neocaret');
});

test('a setting that names nothing is an error, and no other place is tried in its stead', async () => {
  await assert.rejects(discover('/a/neocaret', no, [place('PATH', '/b/neocaret')]), WrongPathError);
});

test('the first place that has a server is taken, and named', async () => {
  const found = await discover('', yes, [place('environment'), place('PATH', '/b/neocaret'), place('own', '/c')]);
  assert.deepEqual(found, { command: '/b/neocaret', args: [], where: 'PATH' });
});

test('where no place has one there is none', async () => {
  assert.equal(await discover('', yes, [place('PATH')]), undefined);
});

test('an interpreter is started with the module, and without the current folder', () => {
  for (const python of ['/x/python', '/x/python3', '/x/python3.12', 'C:\\x\\python.exe']) {
    assert.deepEqual(launchOf(python), { command: python, args: ['-P', '-m', 'neocaret_server'] });
  }
  assert.deepEqual(launchOf('/python3/neocaret'), { command: '/python3/neocaret', args: [] });
});

test('PYTHONPATH does not reach the server, however it is written', () => {
  const environment = serverEnvironment({ PythonPath: '/workspace', PYTHONPATH: '/workspace', HOME: '/home/me' });
  assert.deepEqual(environment, { HOME: '/home/me', PYTHONSAFEPATH: '1' });
});

test('programs are found in the first folder that has them', async () => {
  assert.equal(await findIn([join(folder, 'none'), folder], ['neocaret']), join(folder, 'neocaret'));
  assert.equal(await findIn([folder], ['another']), undefined);
});

test('neither a folder nor a file without the right to run is a program', async () => {
  assert.equal(await isExecutable(folder), false);
  assert.equal(await isExecutable(join(folder, 'plain')), false);
});

test('the current folder is no part of the search path', () => {
  assert.deepEqual(searchPath({ PATH: ['/a', '', '.', '/b'].join(delimiter) }), ['/a', '/b']);
  assert.deepEqual(searchPath({ Path: '/a' }), ['/a']);
  assert.deepEqual(searchPath({}), []);
});

test('programs have extensions and folders of their own on Windows', () => {
  assert.deepEqual(fileNames('neocaret', 'win32'), ['neocaret.exe', 'neocaret.cmd', 'neocaret.bat']);
  assert.deepEqual(fileNames('neocaret', 'linux'), ['neocaret']);
  assert.equal(programsOf('/venv', 'linux'), join('/venv', 'bin'));
  assert.equal(programsOf('/venv', 'win32'), join('/venv', 'Scripts'));
});

test('an installation makes its environment first and the server last', () => {
  const steps = installSteps('/usr/bin/python3', '/own', 'neocaret', 'gpu');
  assert.deepEqual(steps[0]?.args, ['-m', 'venv', '--clear', '/own']);
  assert.equal(steps.at(-1)?.args.at(-1), 'neocaret');
  assert.equal(steps.length, 2);
});

test('the build for CPUs brings its own PyTorch on Linux', { skip: process.platform !== 'linux' }, () => {
  const steps = installSteps('/usr/bin/python3', '/own', 'neocaret', 'cpu');
  assert.equal(steps.length, 3);
  assert.ok(steps[1]?.args.includes('--index-url'));
  // That index has nothing that could replace what comes from the user's own.
  assert.ok(steps[1]?.args.includes('--no-deps'));
});

test('a failed step tells the last error of the program, and what can be done', () => {
  const step = { says: 'installing neocaret', command: 'python', args: [] };
  const told = failure(step, 'Collecting a\nERROR: first\nERROR: No matching distribution found for a\n');
  assert.match(told, /^Neocaret: installing neocaret failed: No matching distribution found for a\. /);
  assert.match(told, /neocaret\.server\.path/);
  assert.match(failure(step, 'Killed'), /^Neocaret: installing neocaret failed\. /);
});

test('what pip is at is followed, and its small talk is not', () => {
  assert.equal(doing('Collecting torch<2.14'), 'Collecting torch<2.14');
  assert.equal(doing('  Downloading torch-2.13.0-cp311.whl (190.4 MB)'), 'Downloading torch-2.13.0-cp311.whl');
  assert.equal(doing("  Installing build dependencies: finished with status 'done'"), 'Installing build dependencies');
  assert.equal(doing('  Preparing metadata (pyproject.toml): started'), 'Preparing metadata');
  assert.equal(doing('Looking in links: /a'), undefined);
  assert.equal(doing(`Collecting ${'a'.repeat(100)}`)?.length, 60);
});

test('the user reads where the server goes before anything happens', () => {
  assert.match(installWarning('/own', 'neocaret'), /\/own.*neocaret/);
});

test('a Python of 3.11 or later is new enough', () => {
  assert.ok(isNewEnough('Python 3.11.0'));
  assert.ok(isNewEnough('Python 4.0.1'));
  assert.ok(!isNewEnough('Python 3.10.14'));
  assert.ok(!isNewEnough('Python 2.7.18'));
  assert.ok(!isNewEnough('command not found'));
});

test('a server that crashes is started again five times within three minutes, and no sixth time', () => {
  let now = 0;
  const crashes = new Crashes(() => now);
  const minutes = [0, 0.5, 1, 1.5, 2, 2.5];
  const answers = minutes.map((minute) => {
    now = minute * 60_000;
    return crashes.mayRestart();
  });
  assert.deepEqual(answers, [true, true, true, true, true, false]);
  now = 10 * 60_000;
  assert.ok(crashes.mayRestart());
});
