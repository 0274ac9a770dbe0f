package link

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"voiptop/protocol"
)

// SensorURI is the subject alternative name of a sensor's certificate: voipmon://tenant/3/sensor/UUID.
func SensorURI(tenant int64, sensor protocol.UUID) *url.URL {
	return &url.URL{Scheme: "voipmon", Host: "tenant", Path: fmt.Sprintf("/%d/sensor/%s", tenant, sensor)}
}

// ParseSensorURI finds tenant and sensor in a sensor's certificate.
func ParseSensorURI(c *x509.Certificate) (tenant int64, sensor protocol.UUID, err error) {
	for _, u := range c.URIs {
		p := strings.Split(u.Path, "/") // "", tenant, "sensor", UUID
		if u.Scheme != "voipmon" || u.Host != "tenant" || len(p) != 4 || p[2] != "sensor" {
			continue
		}
		if tenant, err = strconv.ParseInt(p[1], 10, 64); err != nil {
			return 0, sensor, fmt.Errorf("certificate's name %s: tenant: %w", u, err)
		}
		if sensor, err = protocol.ParseUUID(p[3]); err != nil {
			return 0, sensor, fmt.Errorf("certificate's name %s: %w", u, err)
		}
		return tenant, sensor, nil
	}
	return 0, sensor, fmt.Errorf("certificate names no sensor (no URI voipmon://tenant/N/sensor/UUID)")
}
