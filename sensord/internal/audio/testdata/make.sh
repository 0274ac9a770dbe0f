#!/bin/sh
# Makes the vectors of this folder again: one second of fixtures/audio/alice.wav, encoded, and decoded by a decoder that is not
# ours. Wants sox with GSM (libgsm) and ffmpeg with libopus.
set -e
cd "$(dirname "$0")"
src=../../../../fixtures/audio/alice.wav
q="-hide_banner -loglevel error -y"
sox $src -t gsm gsm.bin trim 0.5 1
sox -t gsm gsm.bin -t s16 gsm.s16
ffmpeg $q -ss 0.5 -t 1 -i $src -ar 16000 -c:a g722 -f g722 g722.bin
ffmpeg $q -f g722 -i g722.bin -f s16le g722.s16
opus() { # NAME RATE BITRATE APPLICATION
	ffmpeg $q -ss 0.5 -t 1 -i $src -ar "$2" -c:a libopus -b:a "$3" -application "$4" -fflags +bitexact -flags +bitexact opus-"$1".ogg
	ffmpeg $q -c:a libopus -i opus-"$1".ogg -f s16le opus-"$1".s16
}
opus silk 16000 16k voip
opus hybrid 48000 28k voip
opus celt 48000 64k lowdelay
