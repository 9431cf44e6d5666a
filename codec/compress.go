package codec

import "strings"

// A Compressor compresses messages in one way. It is safe for concurrent use.
type Compressor interface {
	Name() string // as it stands in headers: "gzip"
	// Compress appends src, compressed, to dst. It does not keep either.
	Compress(dst, src []byte) ([]byte, error)
	// Decompress appends what src holds to dst, and does not keep either. The error is ResourceExhausted if that is more
	// than limit bytes, of which it stops at the next, and InvalidArgument if src is damaged.
	Decompress(dst, src []byte, limit int) ([]byte, error)
}

// Compressors are ways of compression to choose from by name, the best first.
type Compressors []Compressor

// Find returns the compressor called name, or nil.
func (cs Compressors) Find(name string) Compressor {
	for _, c := range cs {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// String returns the names as headers have them: "gzip,zstd".
func (cs Compressors) String() string {
	names := make([]string, len(cs))
	for i, c := range cs {
		names[i] = c.Name()
	}
	return strings.Join(names, ",")
}

// Compression says how messages are compressed, by formats that can: those over HTTP. The zero value works.
type Compression struct {
	Accept   Compressors // what the peer may send; nil for the default: gzip, zstd and snappy
	Send     string      // on a client, how requests are compressed: the name of one of Accept; "" for not at all
	MinBytes int         // messages that are shorter are sent as they are; default 4 KiB, 1 for none, negative for all
}

// Compresses tells whether a message of n bytes is to be compressed, where the peer understands it.
func (c *Compression) Compresses(n int) bool {
	least := c.MinBytes
	if least == 0 {
		least = 4 << 10
	}
	return least == 1 || least > 0 && n >= least
}
