// Models as they are listed; pure.

import type { Model } from './serverCommands';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A size with three digits. */
export function size(bytes: number): string {
  let unit = 0;
  while (bytes >= 999.5 && unit < UNITS.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${Number(bytes.toPrecision(3))} ${UNITS[unit] ?? ''}`;
}

/** What stands beside a model's name. */
export function about(model: Model, current: string | undefined): string {
  const where = model.here ? 'here' : 'will be downloaded';
  return [size(model.bytes), where, model.licence, ...(model.name === current ? ['in use'] : [])].join(', ');
}
