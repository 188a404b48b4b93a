"""The operator: PanelCluster and AnalyticsProject resources made into a running platform."""
