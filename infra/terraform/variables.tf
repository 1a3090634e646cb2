variable "project" {
  description = "Id of the Google Cloud project; DBT_BQ_PROJECT."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "Where the scheduled job runs, such as us-east1."
  type        = string
  default     = "us-east1"
}

variable "location" {
  description = "Where bucket and datasets are: a region, or US or EU; DBT_BQ_LOCATION. It cannot be changed later."
  type        = string
  default     = "US"
}

variable "lake_bucket" {
  description = "Name of the bucket of the lake; names are unique in all of Google Cloud."
  type        = string
}

variable "dataset" {
  description = "Dataset of the marts; DBT_BQ_DATASET. Those for intermediate tables and failing rows have its name and an ending."
  type        = string
  default     = "nyc_taxi"

  validation {
    condition     = can(regex("^[A-Za-z_][A-Za-z0-9_]{0,48}$", var.dataset))
    error_message = "A dataset's name has at most 49 letters, digits and underscores, and no digit first."
  }
}

variable "raw_dataset" {
  description = "Dataset of the raw trips; TAXI_RAW_SCHEMA."
  type        = string
  default     = "raw"
}

variable "reader_group" {
  description = "Who may read the marts beside the reader's account, such as group:analysts@example.org; TAXI_BI_ROLE. Empty: nobody."
  type        = string
  default     = ""
}

variable "image" {
  description = "Image of the scheduled job, with its digest: REGION-docker.pkg.dev/PROJECT/REPOSITORY/taxi@sha256:..."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest (@sha256:...): a tag can be moved to another image."
  }
}

variable "services" {
  description = "Whose trips the job loads: of yellow, green, fhv, fhvhv, parted by commas."
  type        = string
  default     = "yellow,green,fhv,fhvhv"

  validation {
    condition     = can(regex("^(yellow|green|fhv|fhvhv)(,(yellow|green|fhv|fhvhv))*$", var.services))
    error_message = "Name services of yellow, green, fhv and fhvhv, parted by commas."
  }
}

variable "schedule" {
  description = "When the job looks for a month, as cron in UTC. A month that is there and unchanged costs a few requests."
  type        = string
  default     = "17 6 * * *"
}

variable "job_memory" {
  description = "Memory of the job. A month of HVFHV is downloaded to memory: Cloud Run has no disk."
  type        = string
  default     = "16Gi"
}

variable "old_version_days" {
  description = "After so many days, a version of a lake file that was replaced or deleted is removed for good."
  type        = number
  default     = 30
}

variable "alert_email" {
  description = "Who is told of a failed run, of scanned bytes and of the budget."
  type        = string
}

variable "billing_account" {
  description = "Id of the billing account, for the budget. Empty: no budget is made."
  type        = string
  default     = ""
}

variable "monthly_budget" {
  description = "In whole units of the billing account's currency; alerts at 50, 90 and 100 percent, and where the forecast is above it."
  type        = number
  default     = 100
}

variable "scanned_terabytes_a_day" {
  description = "An alert where queries of a day are billed for more."
  type        = number
  default     = 1
}
