import { defineConfig } from 'vitest/config';

// Vitest gives BASE_URL a meaning of its own inside the tests, so ours is passed on by another name.
export default defineConfig({
  test: { include: ['e2e/**/*.test.ts'], fileParallelism: false, expect: { poll: { timeout: 20_000, interval: 50 } }, testTimeout: 60_000, hookTimeout: 60_000, env: { HOSTED_URL: process.env.BASE_URL ?? '' } },
});
