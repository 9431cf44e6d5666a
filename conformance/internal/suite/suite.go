// Package suite holds what the programs under test of the Connect conformance suite share: how they talk to the suite's
// runner, and how metadata and errors are written in its messages.
package suite

import (
	"encoding/binary"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"
)

const maxMessage = 64 << 20 // of the runner, which is trusted: this only tells a stream that is out of step

// Read reads the next message from the runner into msg. It returns io.EOF if there is none.
func Read(r io.Reader, msg proto.Message) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxMessage {
		return fmt.Errorf("suite: a message of %d bytes is announced", n)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return fmt.Errorf("suite: a message of %d bytes is cut off: %w", n, err)
	}
	return proto.Unmarshal(data, msg)
}

// Write writes msg to the runner, with a single call of w.Write.
func Write(w io.Writer, msg proto.Message) error {
	data, err := proto.MarshalOptions{}.MarshalAppend(make([]byte, 4), msg)
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint32(data, uint32(len(data)-4)) //nolint:gosec // a message has less than 2 GiB
	_, err = w.Write(data)
	return err
}
