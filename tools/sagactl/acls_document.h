/* acls_document.h - permissions as text for other programs: Kafka's own tool, JSON, Strimzi. */
#pragma once

#include <stdio.h>

#include "tools/sagactl/acls.h"

/* A shell script of calls of kafka-acls.sh; its arguments say which cluster and as whom. */
void acls_print_script(const struct acls *acls, FILE *out);

/* {"principals": [{"principal", "role", "acls": [...]}]}, each acl as in a KafkaUser. */
int acls_print_json(const struct acls *acls, FILE *out, struct error *err);

/* A List of KafkaUser manifests (SCRAM-SHA-512, simple authorization) of that Kafka cluster. */
int acls_print_strimzi(const struct acls *acls, const char *cluster, FILE *out, struct error *err);
