//go:build !unix

package doctor

import (
	"context"
	"errors"
)

func owner(string) (uid uint32, ok bool) { return 0, false }

func try(context.Context, *Account, string, string) (bool, error) {
	return false, errors.ErrUnsupported
}
