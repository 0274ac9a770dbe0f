// Where the sound of calls comes from: hosted's API, or a capture that is open on the page.

import { useEffect, useState } from 'preact/hooks';
import { aborted, api, asProblem, request, type Hearing } from '../api/client';
import type { CDR, Peaks, Problem } from '../api/types';
import { callPath } from '../router';

// Address is what an element (audio, img) can load. Whoever asked for it frees it.
export interface Address {
  url: string;
  free?: () => void;
}

export interface Sounds {
  decodes: string; // what is said while the waveform is made
  waits: string; // while it plays and there is nothing yet
  peaks(id: string, how: Hearing, points: number, signal: AbortSignal): Promise<Peaks>;
  audio(id: string, how: Hearing, signal: AbortSignal): Address | Promise<Address>;
  spectrogram(id: string, how: Hearing, width: number, height: number, signal: AbortSignal): Address | Promise<Address>;
  why(url: string): Promise<Problem>; // an address could not be used
  link?: (id: string) => string; // to the call
  fileName?: (cdr: CDR) => string; // of the WAV file, where its address does not say
}

export const ofHosted: Sounds = {
  decodes: 'The sensor decodes the voice …',
  waits: 'waits for the sensor …',
  peaks: api.peaks,
  audio: (id, how) => ({ url: api.audioURL(id, how) }),
  spectrogram: (id, how, width, height) => ({ url: api.spectrogramURL(id, how, width, height) }),
  // Elements keep the reason to themselves, so it is asked for.
  why: async (url) => {
    try {
      const res = await request('GET', url.replace(/^\/api\/v1/, ''), { headers: { Range: 'bytes=0-0' } });
      void res.body?.cancel();
      return { code: 'internal', status: 0, title: 'The browser could not play it', remedy: 'The sound itself came. Check that this computer has a sound output, or save the WAV and play it elsewhere.' };
    } catch (e) {
      return asProblem(e);
    }
  },
  link: (id) => `${location.origin}${callPath(id)}`,
};

// useAddress asks for an address whenever what it is for changes; '' is for nothing. '' until it is there.
export function useAddress(what: string, ask: (signal: AbortSignal) => Address | Promise<Address>, failed: (p: Problem) => void): string {
  const [url, set] = useState('');
  useEffect(() => {
    set('');
    if (!what) return;
    const control = new AbortController();
    let free: (() => void) | undefined;
    const take = (a: Address) => {
      if (control.signal.aborted) return a.free?.();
      free = a.free;
      set(a.url);
    };
    const answer = ask(control.signal);
    if (answer instanceof Promise) answer.then(take, (e) => aborted(e) || failed(asProblem(e)));
    else take(answer);
    return () => {
      control.abort();
      free?.();
    };
  }, [what]);
  return url;
}
