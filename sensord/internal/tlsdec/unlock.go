package tlsdec

// secret is the one that protects a direction in an epoch of TLS 1.3, nil if it is not known.
func (c *conn) secret(h *half, e epoch) []byte {
	s := c.table.log.byRandom[c.random]
	if s == nil {
		return nil
	}
	which := clientHandshake
	if e == inApplication {
		which = clientTraffic
	}
	if h != c.client {
		which++
	}
	if n := c.suite.hash().Size(); len(s[which]) != n {
		return nil
	}
	return s[which]
}

// opener makes what opens the records of a direction in an epoch, nil if its secret is not known.
func (c *conn) opener(h *half, e epoch) (o *opener, traffic []byte) {
	if c.v13 {
		if traffic = c.secret(h, e); traffic == nil {
			return nil, nil
		}
		return c.suite.opener13(traffic), traffic
	}
	s := c.named()
	if s == nil || s[masterSecret] == nil {
		return nil, nil
	}
	client, server := c.suite.openers12(s[masterSecret], c.random, c.server.random, c.server.encryptThenMAC)
	if h == c.client {
		return client, nil
	}
	return server, nil
}

func (c *conn) unlock(h *half) bool {
	h.key, h.traffic = c.opener(h, h.epoch)
	return h.key != nil
}

// updated makes the next generation of a traffic secret.
func (c *conn) updated(traffic []byte) (*opener, []byte) {
	next := c.suite.expandLabel(traffic, "traffic upd", len(traffic))
	return c.suite.opener13(next), next
}
