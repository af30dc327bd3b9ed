import { describe, expect, it } from 'vitest';
import { createLine, type Line, type Ticket } from '../../src/lanes/line.ts';

const ticket = (id: string, fields: Partial<Ticket> = {}): Ticket => ({
  id,
  project: 'p',
  weight: 1,
  priority: 3,
  sinceMs: 0,
  tokens: 1,
  ...fields,
});

/** Serves the line until it is empty. */
function order(line: Line<Ticket>): string[] {
  const served: string[] = [];
  for (let place = line.first(); place !== null; place = line.first()) {
    served.push(place.ticket.id);
    line.leave(place, true);
  }
  return served;
}

describe('the line of a lane', () => {
  it('goes by age within a project', () => {
    const line = createLine();
    for (const id of ['a', 'b', 'c']) line.enter(ticket(id));
    expect(order(line)).toEqual(['a', 'b', 'c']);
  });

  it('goes by priority first', () => {
    const line = createLine();
    line.enter(ticket('usual'));
    line.enter(ticket('low', { priority: 5 }));
    line.enter(ticket('high', { priority: 1 }));
    expect(order(line)).toEqual(['high', 'usual', 'low']);
  });

  it('gives the one request of a project its turn among a thousand of another', () => {
    const line = createLine();
    for (let nth = 0; nth < 1_000; nth += 1) line.enter(ticket(`big-${nth}`, { project: 'big' }));
    for (let nth = 0; nth < 20; nth += 1) {
      const place = line.first();
      if (place !== null) line.leave(place, true);
    }
    line.enter(ticket('small', { project: 'small' }));
    expect(order(line).indexOf('small')).toBeLessThanOrEqual(2);
  });

  it('shares the turns by weight', () => {
    const line = createLine();
    for (let nth = 0; nth < 60; nth += 1) {
      line.enter(ticket(`double-${nth}`, { project: 'double', weight: 2 }));
      line.enter(ticket(`single-${nth}`, { project: 'single', weight: 1 }));
    }
    const first = order(line).slice(0, 30);
    expect(first.filter((id) => id.startsWith('double'))).toHaveLength(20);
  });

  it('keeps the place of an attempt that is away, and lets one that is here go meanwhile', () => {
    const line = createLine();
    const away = line.enter(ticket('away'));
    away.backAtMs = 1_000;
    const here = line.enter(ticket('here'));
    expect(line.first()).toBe(here);
    expect(line.before(here)).toBe(1);
    line.enter(ticket('away'));
    expect(line.first()?.ticket.id).toBe('away');
  });

  it('gives up the place of an attempt that went to another worker', () => {
    const line = createLine();
    line.enter(ticket('gone')).backAtMs = 1_000;
    line.expire(5_900);
    expect(line.size()).toBe(1);
    line.expire(6_100);
    expect([line.size(), line.tokens()]).toEqual([0, 0]);
  });
});
