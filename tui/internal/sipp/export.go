package sipp

import (
	"context"
	"errors"
	"fmt"

	"voiptop/protocol"
	"voiptop/tui/source"
)

// maxText bounds the messages of a call, in bytes.
const maxText = 16 << 20

// Export reads a call from src and makes the files of it. tell, if it is not nil, hears how much has come. mask, if it is not nil, changes
// each message; then there is no voice. Voice that is not to be had is left out.
func Export(ctx context.Context, src source.Source, c *protocol.CDR, tell source.Progress, mask func(*source.Text)) ([]File, error) {
	from, ok := src.(source.Reader)
	if !ok {
		return nil, errors.New("messages are not to be had here")
	}
	var list []source.Text
	room := maxText
	err := from.Texts(ctx, []*protocol.CDR{c}, tell, func(t source.Text) error {
		if room -= len(t.Raw); room < 0 {
			return fmt.Errorf("more than %d MiB of messages", maxText>>20)
		}
		if mask != nil {
			mask(&t)
		}
		list = append(list, t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	call, err := New(list)
	if err != nil {
		return nil, err
	}
	var voice *Voice
	if mask == nil && call.up() >= 0 {
		voice = NewVoice(c)
		_, err := source.Packets(ctx, src, []*protocol.CDR{c}, protocol.KeepRTP, tell, source.Taker{Packet: voice.Packet})
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return call.Files(voice), nil
}
