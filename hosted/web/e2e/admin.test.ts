// Downloads, users and their rights, in a browser.

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Account, CDR } from '../src/api/types';
import { base, enter, get, keptCalls, person, start, why, type Visit } from './visit';
import { unzip } from './zip';

describe.skipIf(why !== '')('downloads, users and rights', () => {
  let visit: Visit;
  let page: Page;
  let kept: CDR[];
  const other = `viewer-${Date.now().toString(36)}`;
  const word = 'a long enough word';

  beforeAll(async () => {
    visit = await start();
    page = visit.page;
    await enter(page, '/calls');
    kept = await keptCalls(page);
  });
  afterAll(async () => {
    await visit?.browser.close();
  });

  test('all found calls come as one zip, counted before, and it opens', async () => {
    await page.goto(`${base}/calls?q=${kept[0]!.caller}`);
    await page.locator('[data-action=all]').click();
    await page.getByRole('dialog').getByText(/\d+ calls? with packets, about/).waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('[data-action=zip]').click()]);
    expect(download.suggestedFilename()).toMatch(/\.zip$/);
    const files = unzip(readFileSync(await download.path()));
    const index = files.get('index.csv')!.toString().trim().split('\n');
    expect(index[0]).toMatch(/^id,call_id,/);
    expect(index.slice(1).join('\n')).toContain(kept[0]!.id);
    const captures = [...files].filter(([n]) => n.endsWith('.pcapng'));
    expect(captures.length).toBe(index.slice(1).filter((l) => l.includes(',included,')).length);
    expect(captures.length).toBeGreaterThan(0);
    for (const [n, b] of captures) expect(b.subarray(0, 4).toString('hex'), n).toBe('0a0d0d0a');
    await page.getByRole('dialog').getByText(/^Saved .*\.zip/).waitFor();
  });

  test('a download shows how far it is and can be cancelled', async () => {
    await page.goto(`${base}/calls/${kept[0]!.id}`);
    await page.locator('[data-action=pcap]').waitFor();
    const line = await visit.context.newCDPSession(page);
    await line.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: 20_000, uploadThroughput: 1e6 });
    await page.locator('[data-action=pcap]').click();
    await page.getByRole('progressbar').waitFor();
    await page.locator('[data-action=cancel]').click();
    await page.getByText('Cancelled; the sensor has stopped reading.').waitFor();
    await line.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    await line.detach();
  });

  test('the legs of a conversation are listed and the whole of it is offered', async () => {
    // The recorded calls have one leg each; that there is another is made up, what is downloaded is not.
    const other = { ...kept[0]!, id: '0192f5a0-0000-7000-8000-000000000000', caller: '4711', start: '2020-01-01T00:00:00.000000Z' };
    await page.route('**/api/v1/calls?group=*', (r) => r.fulfill({ json: { calls: [kept[0], other], next: '' } }));
    await page.goto(`${base}/calls/${kept[0]!.id}`);
    await page.getByRole('button', { name: 'Whole conversation, 2 legs' }).waitFor();
    const legs = page.getByRole('region', { name: 'Legs' });
    expect(await legs.locator('tbody tr').evaluateAll((rows) => rows.map((r) => r.getAttribute('aria-current')))).toEqual([null, 'true']);
    expect(await legs.getByRole('link').evaluateAll((links) => links.map((a) => a.getAttribute('href')))).toEqual([`/calls/${other.id}`]);
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('[data-action=group]').click()]);
    expect(readFileSync(await download.path()).subarray(0, 4).toString('hex')).toBe('0a0d0d0a');
    await page.unroute('**/api/v1/calls?group=*');
  });

  test('an administrator adds a user, who has the rights of the role', async () => {
    await page.goto(`${base}/users`);
    await page.getByRole('button', { name: 'Add a user' }).click();
    const form = page.locator('.add-user');
    await form.getByLabel('Name').fill(other);
    await form.getByLabel('Password').fill(word);
    await form.getByLabel('Role').selectOption('viewer');
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await page.locator(`tr[data-user="${other}"]`).waitFor();
    expect((await get<Account[]>(page, '/api/v1/users')).find((u) => u.name === other)).toMatchObject({ role: 'viewer', rights: ['numbers'] });
  });

  test('who may neither listen nor download sees why, and no page of administrators', async () => {
    const context = await person(visit.browser);
    const theirs = await context.newPage();
    visit.watch(theirs);
    await enter(theirs, `/calls/${kept[0]!.id}`, word, other);
    await theirs.getByText('An administrator can give you the right “download”.').waitFor();
    expect(await theirs.locator('[data-action=pcap], [data-action=listen]').count()).toBe(0);
    expect(await theirs.getByRole('navigation').getByRole('link', { name: 'Users' }).count()).toBe(0);
    await theirs.goto(`${base}/users`);
    await theirs.getByRole('heading', { name: 'This page is for administrators' }).waitFor();
    await theirs.goto(`${base}/rules`);
    await theirs.getByRole('heading', { name: 'Rules, read-only' }).waitFor();
    await theirs.getByText('Changing them needs the right “rules”.').waitFor();
    expect(await theirs.locator('textarea:not([readonly])').count()).toBe(0);
    await context.close();
  });

  test('a right is given with one click, and holds', async () => {
    await page.getByLabel(`${other}: download`).check();
    await expect.poll(async () => (await get<Account[]>(page, '/api/v1/users')).find((u) => u.name === other)?.rights).toEqual(['download', 'numbers']);
    const context = await person(visit.browser);
    const theirs = await context.newPage();
    await enter(theirs, `/calls/${kept[0]!.id}`, word, other);
    const [download] = await Promise.all([theirs.waitForEvent('download'), theirs.locator('[data-action=pcap]').click()]);
    expect(readFileSync(await download.path()).length).toBe(kept[0]!.capture.bytes);
    await context.close();
  });

  test('a user is removed, and what they did stays in the audit log', async () => {
    await page.getByRole('button', { name: `Remove ${other}` }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.locator(`tr[data-user="${other}"]`).waitFor({ state: 'detached' });
    await page.goto(`${base}/audit?user=${other}`);
    await page.locator('tr[data-action-name="capture.download"]').first().waitFor();
    await page.getByLabel('Action').selectOption('login');
    await page.waitForURL((u) => u.searchParams.get('action') === 'login' && u.searchParams.get('user') === other);
    await page.locator('tr[data-action-name="login"]').first().waitFor();
    await expect.poll(() => page.locator('tr[data-action-name="capture.download"]').count()).toBe(0);
  });

  test('left no error in the console', () => expect(visit.complaints).toEqual([]));
});
