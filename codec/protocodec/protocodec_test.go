package protocodec_test

import (
	"testing"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/codectest"
	"github.com/protomicro/micro/codec/protocodec"
)

func TestCodec(t *testing.T) {
	codectest.RunCodec(t, func(*testing.T) codec.Codec { return protocodec.Codec{} })
}
