package lines

import "golang.org/x/sys/cpu"

// vectors says whether this processor has the instructions of asm_amd64.s.
var vectors = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT
