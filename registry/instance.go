package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Validate returns an error that says what keeps in from being announced: an empty ID or Service, no address, or an
// address that is not of the form "scheme://address".
func (in Instance) Validate() error {
	switch {
	case in.ID == "":
		return fmt.Errorf("registry: instance of service %q: the ID is empty", in.Service)
	case in.Service == "":
		return in.errorf("the Service is empty")
	case len(in.Addrs) == 0:
		return in.errorf("there is no address")
	}
	for _, addr := range in.Addrs {
		if scheme, rest, ok := strings.Cut(addr, "://"); !ok || scheme == "" || rest == "" {
			return in.errorf("address %q is not of the form scheme://address", addr)
		}
	}
	return nil
}

func (in Instance) errorf(format string, args ...any) error {
	return fmt.Errorf("registry: instance %q: "+format, append([]any{in.ID}, args...)...)
}

// Equal tells whether in and other say the same.
func (in Instance) Equal(other Instance) bool {
	return in.ID == other.ID && in.Service == other.Service && in.Version == other.Version &&
		slices.Equal(in.Addrs, other.Addrs) && maps.Equal(in.Meta, other.Meta)
}

// Clone returns a copy of in that shares nothing with it.
func (in Instance) Clone() Instance {
	in.Addrs = slices.Clone(in.Addrs)
	in.Meta = maps.Clone(in.Meta)
	return in
}

// CloneAll returns a deep copy of instances.
func CloneAll(instances []Instance) []Instance {
	all := make([]Instance, len(instances))
	for i, in := range instances {
		all[i] = in.Clone()
	}
	return all
}
