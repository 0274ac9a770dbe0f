package source

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"syscall"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// sensor reads the API of a sensor on this machine.
type sensor struct {
	socket string
	api    *sensorapi.Client
}

// NewSensor reads the sensor that listens on a unix socket. It connects when it is asked something.
func NewSensor(socket string) Source {
	return &sensor{socket: socket, api: sensorapi.Dial(socket)}
}

func (s *sensor) Name() string { return s.socket }

func (s *sensor) Info(ctx context.Context) (protocol.SensorInfo, error) {
	i, err := s.api.Info(ctx)
	return i, s.explain(err)
}

func (s *sensor) Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error {
	err := s.api.Watch(ctx, emit)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s.gone()
	}
	return s.explain(err)
}

func (s *sensor) Calls(ctx context.Context, limit int, after string) ([]protocol.CDR, string, error) {
	var before protocol.UUID
	if after != "" {
		id, err := protocol.ParseUUID(after)
		if err != nil {
			return nil, "", err
		}
		before = id
	}
	calls, err := s.api.Calls(ctx, limit, before)
	if err != nil {
		return nil, "", s.explain(err)
	}
	next := ""
	if len(calls) == limit {
		next = calls[limit-1].ID.String()
	}
	return calls, next, nil
}

func (s *sensor) Call(ctx context.Context, id string) (*protocol.CDR, error) {
	c, err := s.api.Call(ctx, id)
	if err != nil {
		return nil, s.explain(err)
	}
	return c, nil
}

func (s *sensor) Registrations(ctx context.Context) ([]protocol.Registration, error) {
	list, err := s.api.Registrations(ctx)
	return list, s.explain(err)
}

func (s *sensor) Rules(ctx context.Context, _ protocol.UUID) (sensorapi.Rules, error) {
	r, err := s.api.Rules(ctx)
	return r, s.explain(err)
}

func (s *sensor) SetRules(ctx context.Context, _ protocol.UUID, r sensorapi.Rules) (sensorapi.Rules, error) {
	out, err := s.api.SetRules(ctx, r)
	return out, s.explain(err)
}

func (s *sensor) Close() error {
	s.api.HTTP.CloseIdleConnections()
	return nil
}

// explain turns the errors of a socket that cannot be reached into what to do about it.
func (s *sensor) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return &protocol.Problem{
			Code: protocol.CodeSensorOffline, Title: "no sensor listens on " + s.socket,
			Remedy: "start sensord, name its socket with --sensor, or read a file with -r",
		}
	case errors.Is(err, fs.ErrPermission):
		return &protocol.Problem{
			Code: protocol.CodeForbidden, Title: "no permission for " + s.socket,
			Remedy: "run as root or as a member of the socket's group",
		}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return s.gone()
	}
	return err
}

func (s *sensor) gone() error {
	return &protocol.Problem{Code: protocol.CodeSensorOffline, Title: "the sensor on " + s.socket + " has gone"}
}

// dialer bounds the time that a connection may take.
func dialer() *net.Dialer { return &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second} }
