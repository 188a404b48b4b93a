import { OpenPanelComponent } from '@openpanel/nextjs';

export const dynamic = 'force-dynamic';

export default function Layout({ children }) {
  return (
    <html lang="en">
      <head>
        <title>Next shop</title>
        <OpenPanelComponent
          apiUrl={process.env.INGEST_URL}
          cdnUrl={`${process.env.INGEST_URL}/op1.js`}
          clientId={process.env.CLIENT_ID}
          profileId="next-user"
          trackScreenViews={true}
        />
      </head>
      <body>{children}</body>
    </html>
  );
}
