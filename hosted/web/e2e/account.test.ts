// One's own account, as somebody uses it: password, sessions, API tokens.

import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enter, person, start, why, type Visit } from './visit';

describe.skipIf(why)('the account', () => {
  let visit: Visit;
  let page: Page; // of the user whose account it is
  const who = `own-${Date.now().toString(36)}`;
  const [old, fresh] = ['a long enough word', 'a longer word than that'];

  beforeAll(async () => {
    visit = await start();
    await enter(visit.page, '/account');
    const made = await visit.page.evaluate(
      async ([name, password]) => (await fetch('/api/v1/users', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name, password, role: 'user' }) })).status,
      [who, old] as const,
    );
    expect(made).toBe(200);
    page = await (await person(visit.browser)).newPage();
    visit.watch(page);
    await enter(page, '/account', old, who);
  });
  afterAll(async () => {
    await visit?.browser.close();
  });

  test('is fit for all, wide and narrow, light and dark', async () => {
    await page.getByRole('heading', { name: 'API tokens' }).waitFor();
    for (const scheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: 900 });
        if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${width}-${scheme}-own-account.png`, fullPage: true });
        await page.evaluate(axe.source);
        const result = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }));
        expect(result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join('; ')}`)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
      }
    }
    expect(await page.locator('a[href="/account"]:visible').count()).toBe(1);
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  test('a session elsewhere is seen and ended', async () => {
    const other = await (await person(visit.browser)).newPage();
    await enter(other, '/account', old, who);
    await page.reload();
    const rows = page.locator('tr[data-session]');
    await expect.poll(() => rows.count()).toBe(2);
    await page.getByRole('button', { name: /^End the session of Chromium/ }).click();
    await expect.poll(() => rows.count()).toBe(1);
    await other.reload();
    await other.waitForURL(/\/login/);
    await other.context().close();
  });

  test('a token for an assistant is made, works at /mcp only, and is removed', async () => {
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByLabel('What it is for').fill('my assistant');
    await page.getByRole('radio', { name: /^Assistants/ }).check();
    await page.getByText('Without “numbers” it sees telephone numbers masked.').waitFor();
    await page.getByRole('button', { name: 'Make', exact: true }).click();
    const token = await page.locator('.made code').first().innerText();
    if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/1280-token.png`, fullPage: true });
    const asked = await page.evaluate(async (t) => {
      const headers = { Authorization: `Bearer ${t}`, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2025-11-25' };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'search_calls', arguments: { limit: 1 } } });
      const answer = (await (await fetch('/mcp', { method: 'POST', headers, body })).json()) as { result: { isError?: boolean } };
      return { failed: answer.result.isError ?? false, api: (await fetch('/api/v1/calls', { headers, credentials: 'omit' })).status };
    }, token);
    expect(asked).toEqual({ failed: false, api: 403 });
    await page.getByRole('button', { name: 'Done' }).click();
    await page.locator('tr[data-token="my assistant"]').getByText('assistants').waitFor();
    await page.getByRole('button', { name: 'Remove the token my assistant' }).click();
    await page.getByText('You have none.').waitFor();
  });

  test('the password is changed with the current one alone', async () => {
    const form = page.locator('section', { has: page.getByRole('heading', { name: 'Password' }) });
    const change = async (current: string) => {
      await form.getByLabel('Current password').fill(current);
      await form.getByLabel('New password', { exact: false }).first().fill(fresh);
      await form.getByLabel('New password again').fill(fresh);
      await form.getByRole('button', { name: 'Change' }).click();
    };
    await change('not the current one');
    await form.getByText('the current password is wrong').waitFor();
    await change(old);
    await form.getByText('Your password is changed.').waitFor();
    await page.reload();
    await page.getByRole('heading', { name: who }).waitFor(); // this session goes on
    await (await person(visit.browser)).newPage().then(async (p) => {
      await enter(p, '/account', fresh, who);
      await p.context().close();
    });
  });

  test('a log-out says that it is one', async () => {
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(/\/login\?out=1$/);
    await page.getByText('You are logged out here.').waitFor();
  });

  test('left no error in the console', () => expect(visit.complaints.filter((c) => !/status of 403/.test(c))).toEqual([]));
});
