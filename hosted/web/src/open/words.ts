// What the page and its worker say to each other. Only the worker sees packets.

export type Order =
  | { do: 'open'; wasm: ArrayBuffer; files: File[]; keylog: File | null }
  | { do: 'ask'; n: number; target: string }
  | { do: 'cancel'; n: number }; // READING: reading the capture

export const READING = -1;

export type Word =
  | { tell: 'progress'; read: number; packets: number; calls: number } // bytes of the files
  | { tell: 'opened'; problem: string; report: string }
  | { tell: 'answer'; n: number; status: number; type: string; name: string; body: Blob }
  | { tell: 'died'; why: string };
