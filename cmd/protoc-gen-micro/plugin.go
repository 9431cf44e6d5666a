package main

import (
	"errors"
	"io"

	"github.com/protomicro/micro/generator"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

// plugin answers the request on standard input. Errors for which the proto files are to blame are part of the answer.
func (c *command) plugin() error {
	if terminal(c.stdin) {
		return errors.New(notPlugin)
	}
	in, err := io.ReadAll(c.stdin)
	if err != nil {
		return err
	}
	req := new(pluginpb.CodeGeneratorRequest)
	if proto.Unmarshal(in, req) != nil || len(req.GetProtoFile()) == 0 {
		return errors.New(notPlugin)
	}
	out, err := proto.Marshal(generator.Respond(req))
	if err != nil {
		return err
	}
	_, err = c.stdout.Write(out)
	return err
}
