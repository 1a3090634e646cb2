resource "google_storage_bucket" "lake" {
  #checkov:skip=CKV_GCP_62:access logs of a bucket are Cloud Audit Logs now; data access logs are the project's decision, for their cost
  name                        = var.lake_bucket
  location                    = var.location
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false # a lake with files is not destroyed by `terraform destroy`

  versioning {
    enabled = true
  }

  # Files never change; `taxi lake prune` deletes versions that are let go. What it deleted can be brought back for a while.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = var.old_version_days
    }
  }

  # An upload that was cut off.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  depends_on = [google_project_service.needed]
}
