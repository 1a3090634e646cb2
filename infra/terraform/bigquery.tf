# Three datasets hold the data, a fourth the rows on which a claim failed. None has an expiration: the project refuses one, because
# BigQuery would delete old months.
locals {
  datasets = {
    raw           = { id = var.raw_dataset, holds = "Raw trips as the lake has them; written by `taxi load`." }
    internal      = { id = "${var.dataset}_internal", holds = "Staging and intermediate tables." }
    marts         = { id = var.dataset, holds = "Facts, dimensions and marts: what people query." }
    test_failures = { id = "${var.dataset}_test_failures", holds = "Rows on which a test failed." }
  }
}

resource "google_bigquery_dataset" "warehouse" {
  #checkov:skip=CKV_GCP_81:TLC's files are public; Google's own keys encrypt them at rest
  for_each = local.datasets

  dataset_id                 = each.value.id
  description                = each.value.holds
  location                   = var.location
  delete_contents_on_destroy = false

  depends_on = [google_project_service.needed]
}
