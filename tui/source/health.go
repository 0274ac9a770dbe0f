package source

import (
	"context"

	"voiptop/protocol"
)

// HealthReader is a Source that asks sensors how they do.
type HealthReader interface {
	Source
	// Health asks a sensor. The zero UUID stands for the only one there is.
	Health(ctx context.Context, sensor protocol.UUID) (protocol.Health, error)
}

func (s *sensor) Health(ctx context.Context, _ protocol.UUID) (protocol.Health, error) {
	h, err := s.api.Health(ctx)
	return h, s.explain(err)
}

// Health asks one of the sensors, over its link.
func (h *Hosted) Health(ctx context.Context, sensor protocol.UUID) (out protocol.Health, err error) {
	return out, h.get(ctx, "/sensors/"+sensor.String()+"/api/health", &out)
}
