// Package bufpool keeps byte buffers for reuse, by size, so that a buffer is never much larger than what it holds.
package bufpool

import (
	"math/bits"
	"sync"
)

const (
	minBits = 8  // the smallest class holds 256 bytes
	maxBits = 23 // larger buffers are left to the garbage collector
	steps   = 4  // classes per octave
)

// The pools of the process, a cache without a state that anybody could see.
var classes [(maxBits - minBits) * steps]sync.Pool // of *Buffer

// A Buffer is bytes on loan.
type Buffer struct {
	B []byte // what it holds; may be appended to and replaced
}

// Get returns a buffer with length 0 and room for at least n bytes, whose contents are arbitrary.
func Get(n int) *Buffer {
	c, size := class(n)
	if c >= len(classes) {
		return &Buffer{B: make([]byte, 0, n)}
	}
	if b, ok := classes[c].Get().(*Buffer); ok {
		b.B = b.B[:0]
		return b
	}
	return &Buffer{B: make([]byte, 0, size)}
}

// Put gives b back. It must not be used any more.
func Put(b *Buffer) {
	c, size := class(cap(b.B))
	if size > cap(b.B) { // it grew past its class: file it under what it can hold for sure
		c--
	}
	if c >= 0 && c < len(classes) {
		classes[c].Put(b)
	}
}

// class returns the smallest class whose buffers hold n bytes, and their size.
func class(n int) (c, size int) {
	if n <= 1<<minBits {
		return 0, 1 << minBits
	}
	octave := bits.Len(uint(n-1)) - 1 // 1<<octave < n <= 2<<octave
	step := 1 << octave / steps
	k := (n - 1<<octave + step - 1) / step // 1 to steps
	return (octave-minBits)*steps + k, 1<<octave + k*step
}
