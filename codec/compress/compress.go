// Package compress is how messages are compressed: gzip, zstd and snappy.
package compress

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// All returns gzip, zstd and snappy, in that order.
func All() codec.Compressors { return codec.Compressors{Gzip(), Zstd(), Snappy()} }

// Gzip returns the compressor "gzip" (RFC 1952), at the fastest level.
func Gzip() codec.Compressor {
	return &stream{
		name: "gzip",
		writer: func() (writer, error) {
			return gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
		},
		// The other package reads a header that is cut short in the name of a file as the end.
		reader: func() (reader, error) { return new(stdgzip.Reader), nil },
	}
}

// window is the most that a zstd stream may refer back to: what RFC 8878 asks every decoder to allow, and browsers do.
const window = 8 << 20

// Zstd returns the compressor "zstd" (RFC 8878), at the fastest level.
func Zstd() codec.Compressor {
	return &stream{
		name: "zstd",
		writer: func() (writer, error) {
			return zstd.NewWriter(nil,
				zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
		},
		reader: func() (reader, error) {
			return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true))
		},
	}
}

// Snappy returns the compressor "snappy", in the framing format.
func Snappy() codec.Compressor {
	return &stream{
		name: "snappy",
		writer: func() (writer, error) {
			return s2.NewWriter(io.Discard, s2.WriterSnappyCompat(), s2.WriterConcurrency(1)), nil
		},
		reader: func() (reader, error) { return snappyReader{s2.NewReader(nil)}, nil },
	}
}

type writer interface {
	io.WriteCloser
	Reset(w io.Writer)
}

type reader interface {
	io.Reader
	Reset(r io.Reader) error
}

type snappyReader struct{ *s2.Reader }

func (r snappyReader) Reset(in io.Reader) error {
	r.Reader.Reset(in)
	return nil
}

// A stream is a codec.Compressor made of one for streams. It keeps idle writers and readers.
type stream struct {
	name    string
	writer  func() (writer, error)
	reader  func() (reader, error)
	writers sync.Pool
	readers sync.Pool
}

func (s *stream) Name() string { return s.name }

func (s *stream) Compress(dst, src []byte) ([]byte, error) {
	w, ok := s.writers.Get().(writer)
	if !ok {
		var err error
		if w, err = s.writer(); err != nil {
			return dst, status.Errorf(status.Internal, "%s: %v", s.name, err)
		}
	}
	out := appender{dst}
	w.Reset(&out)
	_, err := w.Write(src)
	if err = errors.Join(err, w.Close()); err != nil {
		return dst, status.Errorf(status.Internal, "%s: %v", s.name, err)
	}
	w.Reset(io.Discard)
	s.writers.Put(w)
	return out.b, nil
}

type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

func (s *stream) Decompress(dst, src []byte, limit int) ([]byte, error) {
	r, ok := s.readers.Get().(reader)
	if !ok {
		var err error
		if r, err = s.reader(); err != nil {
			return dst, status.Errorf(status.Internal, "%s: %v", s.name, err)
		}
	}
	start := len(dst)
	err := r.Reset(bytes.NewReader(src))
	for err == nil {
		if len(dst) == cap(dst) { // twice the room, but no more than can be used
			dst = slices.Grow(dst, max(min(len(dst)+512, start+limit+1-len(dst)), 1))
		}
		var n int
		n, err = r.Read(dst[len(dst):min(cap(dst), start+limit+1)])
		dst = dst[:len(dst)+n]
		if len(dst)-start > limit {
			err = status.Errorf(status.ResourceExhausted, "a message, inflated by %s, is larger than the limit of %d bytes", s.name, limit)
		}
	}
	_ = r.Reset(empty{}) // does not keep src
	s.readers.Put(r)
	if e, ok := errors.AsType[*status.Error](err); ok {
		return dst[:start], e
	}
	if err != io.EOF {
		return dst[:start], status.Errorf(status.InvalidArgument, "a message is not what %s makes: %v", s.name, err)
	}
	return dst, nil
}

type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, io.EOF }
