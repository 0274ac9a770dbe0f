package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"voiptop/sensord/analyze"
	"voiptop/sensord/conf"
)

// Options choose a source: Files, else Hosted, else the sensor at Socket.
type Options struct {
	Files  []string
	Follow bool      // the one file of Files grows
	Stdin  io.Reader // what the file "-" reads
	KeyLog string    // path of a TLS key log for Files; "" for none
	Hosted string    // URL
	Token  string    // API token; "": the one in TokenPath, else Ask
	Socket string    // "": the one that the configuration names
	// Ask asks for name and password of a user of the hosted service at a URL.
	Ask func(url string) (name, password string, err error)
}

// Open makes the source. It connects to nothing, except to log in.
func Open(ctx context.Context, o Options) (Source, error) {
	switch {
	case len(o.Files) > 0:
		return openFiles(o)
	case o.Hosted != "":
		return openHosted(ctx, o)
	}
	if o.Socket == "" {
		o.Socket = DefaultSocket(conf.DefaultPath)
	}
	return NewSensor(o.Socket), nil
}

func openFiles(o Options) (Source, error) {
	var keys []byte
	if o.KeyLog != "" {
		var err error
		if keys, err = analyze.ReadKeyLog(o.KeyLog); err != nil {
			return nil, err
		}
	}
	var f *File
	var err error
	if o.Follow {
		f, err = NewFollow(o.Files[0])
	} else {
		f, err = NewFile(o.Files, o.Stdin)
	}
	if err != nil {
		return nil, err
	}
	f.Decrypt(keys)
	return f, nil
}

func openHosted(ctx context.Context, o Options) (Source, error) {
	if o.Token == "" {
		t, err := readToken()
		if err != nil {
			return nil, err
		}
		o.Token = t
	}
	h, err := NewHosted(o.Hosted, o.Token)
	if err != nil || o.Token != "" {
		return h, err
	}
	if o.Ask == nil {
		return nil, fmt.Errorf("%s: no API token: set VOIPTOP_TOKEN or write it to %s", o.Hosted, TokenPath())
	}
	name, password, err := o.Ask(h.Name())
	if err != nil {
		return nil, err
	}
	return h, h.Login(ctx, name, password)
}

// DefaultSocket is the socket that a configuration file names, or the usual one when there is no such file.
func DefaultSocket(path string) string {
	c, err := conf.Load(path)
	if err != nil || c.Socket == "" {
		return conf.Default().Socket
	}
	return c.Socket
}

// TokenPath is the file that holds the API token: ~/.config/voiptop/token.
func TokenPath() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "voiptop", "token")
}

// Token is the API token that was given, or else the one in TokenPath; "" when there is none.
func Token(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	return readToken()
}

// readToken reads the token's file; "" when there is none.
func readToken() (string, error) {
	b, err := os.ReadFile(TokenPath())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
