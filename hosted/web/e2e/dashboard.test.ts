// The dashboard in a browser: whatever it counts, the list behind it has as many calls.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sensor } from '../src/api/types';
import { base, enter, get, start, why, type Visit } from './visit';

const MOST = 400; // calls of a list that is read to its end
const TRIED = 3; // links of each kind that are opened

describe.skipIf(why !== '')('the dashboard', () => {
  let visit: Visit;
  let page: Page;
  let span = ''; // if there are such calls, a time that is over, so that none joins it between counting and opening

  beforeAll(async () => {
    visit = await start();
    page = visit.page;
    await enter(page, '/dashboard?range=7d');
    const at = (ms: number) => new Date(ms).toISOString().replace('Z', '000Z');
    for (const end = Date.now() + 5000; ; await page.waitForTimeout(500)) {
      const minute = Math.floor(Date.now() / 60_000) * 60_000;
      const late = Date.now() > end; // the first call is of the minute that runs
      span = `from=${at(minute - 6 * 86_400_000)}&to=${at(late ? minute + 60_000 : minute)}`;
      if (late || (await get<{ totals: { calls: number } }>(page, `/api/v1/stats?${span}`)).totals.calls > 0) return;
    }
  });
  afterAll(async () => {
    await visit?.browser.close();
  });

  // listed opens a list in a tab of its own and counts its calls, to the last.
  async function listed(href: string): Promise<number> {
    const tab = await visit.context.newPage();
    visit.watch(tab);
    try {
      await tab.goto(base + href);
      const tail = tab.locator('.tail');
      const none = tab.locator('.empty');
      await tail.or(none).first().waitFor();
      while (await tail.getByRole('button').count()) {
        await tail.getByRole('button').click({ timeout: 5000 }).catch(() => {}); // it loads by itself when one scrolls
        await tab.waitForTimeout(50);
      }
      if (await none.count()) return 0;
      return Number(/^([\d ]+) calls?/.exec(await tail.innerText())![1]!.replaceAll(' ', ''));
    } finally {
      await tab.close();
    }
  }

  const links = (where: string) =>
    page.locator(`${where} a[data-opens]`).evaluateAll((list) => list.map((a) => [a.getAttribute('href')!, Number((a as HTMLElement).dataset.opens)] as const));

  // opens checks links that say how many calls they open, and answers how many links there are. again shows the figures anew:
  // a call may end, that began in this time, between counting and opening.
  async function opens(where: string, again: () => Promise<unknown>) {
    const all = await links(where);
    for (const [href, n] of all.filter(([, n]) => n <= MOST).slice(0, TRIED)) {
      let counted: number | undefined = n;
      let there = await listed(href);
      for (let i = 0; i < 3 && counted !== there; i++) {
        await again();
        counted = (await links(where)).find(([h]) => h === href)?.[1];
        there = await listed(href);
      }
      expect([href, there]).toEqual([href, counted]);
    }
    return all.length;
  }

  const ready = (path: string) => page.goto(base + path).then(() => page.locator('.tiles a').first().waitFor());

  test('the newest points are marked as what may still change, and those of a time that is over are not', async () => {
    const said = page.locator('.dashboard .span');
    await ready('/dashboard?range=1h');
    await expect.poll(() => said.innerText()).toContain('may still change');
    const at = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    await page.goto(`${base}/dashboard?from=${at(3)}&to=${at(2)}`);
    await expect.poll(() => said.innerText()).toContain('a point is');
    expect(await said.innerText()).not.toContain('may still change');
  });

  test('every figure above opens the calls that it counts', async () => {
    const show = () => ready(`/dashboard?${span}`);
    await show();
    expect(await opens('.tiles li:nth-child(-n+5)', show)).toBe(5);
    expect(await opens('.tiles li:nth-child(n+6)', show)).toBe(5);
  });

  test('every point of every chart does', async () => {
    for (const id of ['calls', 'asr', 'acd', 'pdd', 'mos', 'loss', 'findings', 'concurrent']) {
      const show = async () => {
        await ready(`/dashboard?${span}`);
        await page.locator(`[data-panel=${id}]`).getByRole('button', { name: 'Table' }).click();
        await page.locator(`[data-panel=${id}]`).locator('table, .none').first().waitFor();
      };
      await show();
      await opens(`[data-panel=${id}]`, show);
    }
  }, 180_000);

  test('a click on a chart opens the calls of its point', async () => {
    await ready(`/dashboard?${span}`);
    const plot = page.locator('[data-panel=calls] .plot');
    await plot.focus();
    const link = page.locator('[data-panel=calls] .reading a[data-opens]');
    for (const key of ['End', ...Array<string>(300).fill('ArrowLeft')]) {
      await page.keyboard.press(key);
      if (await link.count()) break;
    }
    const href = (await link.getAttribute('href'))!;
    await page.keyboard.press('Enter');
    await page.waitForURL((u) => u.pathname === '/calls');
    expect(new URL(page.url()).searchParams.get('from')).toBe(new URL(href, base).searchParams.get('from'));
    await page.goBack();
    await page.locator('.tiles a').first().waitFor();
  });

  test('a drag chooses a time, and back is where one was', async () => {
    await ready('/dashboard');
    const box = (await page.locator('[data-panel=asr] .u-over').boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 20, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL((u) => u.searchParams.has('from'));
    const p = new URL(page.url()).searchParams;
    const hours = (Date.parse(p.get('to')!) - Date.parse(p.get('from')!)) / 3.6e6;
    expect(hours).toBeGreaterThan(5);
    expect(hours).toBeLessThan(7);
    await page.goBack();
    await page.waitForURL(`${base}/dashboard`);
  });

  test('every row of its tables opens its calls', async () => {
    for (const by of ['Source', 'Prefix', 'Status', 'Sensor']) {
      const show = async () => {
        await ready(`/dashboard?${span}`);
        await page.getByRole('tab', { name: by }).click();
        await page.locator('#worst-table table th', { hasText: by }).first().waitFor();
      };
      await show();
      expect(await opens('.worst', show), by).toBeGreaterThan(0);
    }
  }, 180_000);

  test('a condition narrows all of it', async () => {
    await ready(`/dashboard?${span}`);
    await page.getByLabel('Search calls').fill('connected >= 0');
    await page.getByLabel('Search calls').press('Enter');
    await page.waitForURL((u) => u.searchParams.get('where') === 'connected >= 0');
    const narrow = page.url().slice(base.length);
    await page.getByText('counted from the calls').waitFor();
    await opens('.tiles', () => ready(narrow));
    expect(await page.locator('[data-tile=ASR]').getAttribute('data-opens')).toBe('0'); // all are answered
    await page.getByLabel('Search calls').fill('connected >=');
    await page.getByLabel('Search calls').press('Enter');
    await page.locator('.dashboard .wrong-here', { hasText: 'expected' }).waitFor();
    await page.goto(`${base}/dashboard?${span}&where=connected+%3E%3D`); // a link may hold anything
    await page.getByRole('alert').getByText('bad-condition').waitFor();
  });

  test('says how many calls it has read, and counts all on demand', async () => {
    // That there are too many to read at once is made up; what is asked then is not.
    const asked: string[] = [];
    await page.route('**/api/v1/stats?*', async (r) => {
      const url = new URL(r.request().url());
      if (url.searchParams.get('exact')) {
        asked.push(url.searchParams.get('by') ?? '');
        return r.continue();
      }
      const res = await r.fetch();
      return r.fulfill({ response: res, json: { ...(await res.json()), partial: true, read: 12_345 } });
    });
    await page.goto(`${base}/dashboard?${span}&where=connected+%3E%3D+0`);
    const notice = page.locator('.notice', { hasText: 'Only the newest calls are counted' });
    await notice.getByText(/12.345 were read/).waitFor();
    await notice.getByRole('button', { name: 'Count all' }).click();
    await notice.waitFor({ state: 'detached' });
    await page.locator('.worst').getByRole('button', { name: 'Count all' }).click();
    await page.locator('.worst').getByText('were read').waitFor({ state: 'detached' });
    expect(new Set(asked)).toEqual(new Set(['', 'src']));
    await page.unroute('**/api/v1/stats?*');
  });

  test('says why there is nothing, and how to see more', async () => {
    await page.goto(`${base}/dashboard?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z&where=status+%3D+200`);
    await page.locator('.dashboard .empty, .dashboard [role=alert]').first().waitFor();
  });

  test('a sensor has a page with how it does', async () => {
    const s = (await get<Sensor[]>(page, '/api/v1/sensors')).find((x) => !x.revoked)!;
    await page.goto(`${base}/sensors`);
    await page.locator(`tr[data-sensor="${s.uuid}"] a`).first().click();
    await page.waitForURL(`${base}/sensors/${s.uuid}`);
    await page.getByRole('heading', { level: 1, name: new RegExp(s.name) }).waitFor();
    for (const fact of ['Queue', 'Drops', 'Disk', 'Clock', 'Version', 'System']) expect(await page.locator('.facts dt', { hasText: fact }).count(), fact).toBeGreaterThan(0);
  });

  test('left no error in the console', () => expect(visit.complaints.filter((c) => !/status of 4(00|22)/.test(c))).toEqual([]));
});
