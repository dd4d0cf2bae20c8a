// Bento, the stream processor, with no more of it than the configuration beside this file needs: Kafka, and what is
// built in. What a team does that writes no program of its own.
package main

import (
	"context"

	_ "github.com/warpstreamlabs/bento/public/components/kafka"
	_ "github.com/warpstreamlabs/bento/public/components/pure"
	"github.com/warpstreamlabs/bento/public/service"
)

func main() { service.RunCLI(context.Background()) }
