package sensors

import "voiptop/hosted/internal/store"

// Use is what the sensors of a tenant that are linked to this node do.
type Use struct {
	Sensors   int
	Running   int // calls, as the sensors said when they were asked last, at most a minute ago
	OverLimit int // of these, calls beyond the tenant's channels
}

// Uses is the use of each tenant that has a sensor here.
func (s *Service) Uses() map[store.TenantID]Use {
	all := map[store.TenantID]Use{}
	for _, x := range s.live() {
		u := all[x.sensor.Tenant]
		u.Sensors++
		u.Running += int(x.running.Load())
		u.OverLimit += int(x.over.Load())
		all[x.sensor.Tenant] = u
	}
	return all
}
