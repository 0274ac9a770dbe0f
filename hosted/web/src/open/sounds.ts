// What is heard of calls of the open capture: the engine decodes it in this tab.

import type { Hearing } from '../api/client';
import type { Peaks } from '../api/types';
import type { Address, Sounds } from '../listen/sounds';
import type { Engine } from './engine';

const hearing = (h: Hearing) => new URLSearchParams({ side: h.side, buffer: h.buffer, ...(h.mute ? { dtmf: 'mute' } : {}) });

export function soundsOf(engine: Engine): Sounds {
  const address = async (target: string, signal: AbortSignal): Promise<Address> => {
    const url = URL.createObjectURL((await engine.ask(target, signal)).body);
    return { url, free: () => URL.revokeObjectURL(url) };
  };
  return {
    decodes: 'Decoding the voice …',
    waits: 'decoding …',
    peaks: (id, how, points, signal) => engine.json<Peaks>(`/calls/${id}/audio/peaks?${hearing(how)}&points=${points}`, signal),
    audio: (id, how, signal) => address(`/calls/${id}/audio?${hearing(how)}`, signal),
    spectrogram: (id, how, width, height, signal) => address(`/calls/${id}/audio/spectrogram?${hearing(how)}&width=${width}&height=${height}`, signal),
    why: () => Promise.resolve({ code: 'not-playable', status: 0, title: 'The browser could not play it', remedy: 'Check that this computer has a sound output, or save the WAV and play it elsewhere.' }),
    fileName: (c) => `${c.caller || 'caller'}_${c.callee || 'callee'}.wav`.replace(/[^\w.+-]/g, '_'),
  };
}
