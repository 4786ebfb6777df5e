#!/bin/bash
# As the tool of that name, for the health checks of other people's files.
exec java -Xmx128m -cp '/opt/kafka/libs/*' org.apache.kafka.tools.BrokerApiVersionsCommand "$@"
