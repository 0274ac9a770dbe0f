//go:build !linux

package doctor

import (
	"context"
	"errors"
)

// sensord runs on Linux; elsewhere doctor checks what it can, for a sensor on another machine.

func machine() (string, error) { return "", errors.ErrUnsupported }

func clockSynced() (bool, error) { return false, errors.ErrUnsupported }

func disk(string) (free, size uint64, err error) { return 0, 0, errors.ErrUnsupported }

func peerPID(context.Context, string) (int, error) { return 0, errors.ErrUnsupported }
