package bpf

import "fmt"

// number adds code that leaves x in A. It may use X.
func (l *lowering) number(code []ins, x arith) ([]ins, error) {
	switch x := x.(type) {
	case constant:
		return append(code, ins{opLoadW | modeImm, uint32(x)}), nil
	case length:
		return append(code, ins{opLoadW | modeLen, 0}), nil
	case operation:
		if k, ok := x.b.(constant); ok {
			code, err := l.number(code, x.a)
			return append(code, ins{opALU | alu[x.op], uint32(k)}), err
		}
		more, err := l.operands(x.a, x.b)
		return append(append(code, more...), ins{opALUX | alu[x.op], 0}), err
	case loaded:
		return l.loaded(code, x)
	}
	panic(fmt.Sprintf("number %T", x))
}

// operands leaves a in A and b in X.
func (l *lowering) operands(a, b arith) ([]ins, error) {
	code, err := l.number(nil, a)
	if err != nil {
		return nil, err
	}
	m, err := l.temp()
	if err != nil {
		return nil, err
	}
	code, err = l.number(append(code, ins{opStore, m}), b)
	l.temps--
	return append(code, ins{opCopyToX, 0}, ins{opLoadW | modeMem, m}), err
}

func (l *lowering) temp() (uint32, error) {
	if l.temps == memories {
		return 0, &Error{Column: 1, Found: l.text, Expected: fmt.Sprintf("arithmetic with at most %d unfinished operations", memories)}
	}
	l.temps++
	return uint32(l.temps - 1), nil
}

func (l *lowering) loaded(code []ins, x loaded) ([]ins, error) {
	base, transport := l.net, false
	switch proto, _ := header(x.t.text); {
	case x.t.text == "ether" || x.t.text == "link":
		base = l.link
	case x.t.text == "icmp6":
		base += 40
	case proto != 0:
		transport = true
	}
	load := sizeOp(x.size)
	if k, ok := x.index.(constant); ok {
		if transport {
			return append(code, ins{opHeaderLen, base}, ins{load | modeInd, base + uint32(k)}), nil
		}
		return append(code, ins{load | modeAbs, base + uint32(k)}), nil
	}
	code, err := l.number(code, x.index)
	if err != nil {
		return nil, err
	}
	if transport {
		m, err := l.temp()
		if err != nil {
			return nil, err
		}
		l.temps--
		code = append(code, ins{opStore, m}, ins{opHeaderLen, base}, ins{opLoadW | modeMem, m}, ins{opALUX | aluAdd, 0})
	}
	return append(code, ins{opCopyToX, 0}, ins{load | modeInd, base}), nil
}
