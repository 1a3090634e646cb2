terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }

  # The bucket of the state is named at `terraform init -backend-config=bucket=...`; it must exist, with versioning.
  backend "gcs" {
    prefix = "nyc-taxi-warehouse"
  }
}

provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true # budgets are asked of the project, and not of Google's own
}
